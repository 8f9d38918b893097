"""Actions and packages as OpenWhisk's REST API shows them and takes them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from statebox.asl.jsontext import Json
from statebox.openwhisk.activation import Annotation
from statebox.openwhisk.local.limits import HostLimits
from statebox.openwhisk.local.refusals import Refusal, malformed
from statebox.openwhisk.local.runtimes import Runtimes

SEQUENCE = "sequence"
# OpenWhisk tells code from an archive by this, on the trimmed text.
_BASE64 = re.compile(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)")


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """An action. `package` is empty for the default package; `file` names the file it comes from, if it does.

    `code` is text, or an archive in base64 (`binary`); a sequence has `components` (full names) instead.
    """

    namespace: str
    package: str
    name: str
    kind: str
    code: str = ""
    binary: bool = False
    main: str = "main"
    components: tuple[str, ...] = ()
    parameters: tuple[Annotation, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    timeout_ms: int
    memory_mb: int
    publish: bool = False
    version: str = "0.0.1"
    updated_ms: int
    file: str | None = None

    @property
    def path(self) -> str:
        """`namespace/name` or `namespace/package/name`, as records show it."""
        return "/".join(part for part in (self.namespace, self.package, self.name) if part)

    def annotation(self, key: str) -> Json:
        """The value of an annotation, None where there is none."""
        return next((annotation.value for annotation in self.annotations if annotation.key == key), None)

    def describe(self, *, code: bool) -> dict[str, Json]:
        """The entity in full, with or without its code."""
        exec: dict[str, Json] = {"kind": self.kind, "binary": self.binary}
        if self.kind == SEQUENCE:
            exec = {"kind": SEQUENCE, "components": list(self.components)}
        elif code:
            exec["code"] = self.code
        if self.main != "main":
            exec["main"] = self.main
        return self.summarise() | {"parameters": pairs(self.parameters), "exec": exec}

    def summarise(self) -> dict[str, Json]:
        """The entity as listings show it."""
        return {
            "namespace": "/".join(part for part in (self.namespace, self.package) if part),
            "name": self.name,
            "version": self.version,
            "publish": self.publish,
            "annotations": pairs(self.annotations),
            "limits": {"timeout": self.timeout_ms, "memory": self.memory_mb, "logs": 10, "concurrency": 1},
            "exec": {"binary": self.binary},
            "updated": self.updated_ms,
        }


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A package: a name for actions, with parameters for all of them."""

    namespace: str
    name: str
    parameters: tuple[Annotation, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    publish: bool = False
    version: str = "0.0.1"
    updated_ms: int

    def summarise(self) -> dict[str, Json]:
        """The entity as listings show it."""
        return {
            "namespace": self.namespace,
            "name": self.name,
            "version": self.version,
            "publish": self.publish,
            "annotations": pairs(self.annotations),
            "binding": False,
            "updated": self.updated_ms,
        }

    def describe(self, actions: Sequence[Action]) -> dict[str, Json]:
        """The entity in full, with what is in it."""
        return self.summarise() | {
            "binding": {},
            "parameters": pairs(self.parameters),
            "feeds": [],
            "actions": [
                {"name": action.name, "version": action.version, "annotations": pairs(action.annotations)}
                for action in actions
            ],
        }


class _Exec(msgspec.Struct, frozen=True):
    kind: str
    code: str = ""
    main: str = "main"
    components: tuple[str, ...] = ()


class _Limits(msgspec.Struct, frozen=True):
    timeout: int | None = None
    memory: int | None = None


class PutAction(msgspec.Struct, rename="camel"):
    """The body of a PUT: what it leaves out stays as it is."""

    exec: _Exec | None = None
    parameters: tuple[Annotation, ...] | None = None
    annotations: tuple[Annotation, ...] = ()
    del_annotations: tuple[str, ...] = ()
    limits: _Limits = _Limits()
    version: str | None = None
    publish: bool | None = None


class PutPackage(msgspec.Struct):
    """The body of a PUT: what it leaves out stays as it is."""

    parameters: tuple[Annotation, ...] | None = None
    annotations: tuple[Annotation, ...] = ()
    binding: dict[str, Json] = {}
    version: str | None = None
    publish: bool | None = None


def make_action(
    put: PutAction, old: Action | None, namespace: str, package: str, name: str, runtimes: Runtimes, limits: HostLimits
) -> Action:
    """The action that a PUT makes, of nothing or of the one there is. Raises Refusal.

    `updated_ms` is left at 0.
    """
    exec = put.exec
    if exec is None:
        if old is None:
            raise malformed("the action's exec is missing")
        exec = _Exec(old.kind, old.code, old.main, old.components)
    kind = SEQUENCE
    if exec.kind != SEQUENCE:
        runtime = runtimes.of(exec.kind)
        if runtime is None:
            valid = ", ".join(runtimes.kinds)
            raise Refusal(
                400,
                f"The specified runtime '{exec.kind}' is not supported by this platform. Valid values are: {valid}.",
            )
        kind = runtime.kind
        if not exec.code.strip():
            raise malformed("the action's code is missing")
        if len(exec.code) > limits.code_bytes:
            raise Refusal(413, f"The code is larger than allowed: {len(exec.code)} > {limits.code_bytes} bytes.")
    elif not 0 < len(exec.components) <= limits.sequence_length:
        raise Refusal(400, f"A sequence has 1 to {limits.sequence_length} components.")
    timeout_ms = _within(
        "time limit", put.limits.timeout, limits.least_timeout_ms, limits.most_timeout_ms, "milliseconds"
    )
    memory_mb = _within("memory", put.limits.memory, limits.least_memory_mb, limits.most_memory_mb, "megabytes")
    annotations = () if old is None else old.annotations
    if old is None and not any(annotation.key == "provide-api-key" for annotation in put.annotations):
        annotations = (Annotation("provide-api-key", False),)
    return Action(
        namespace=namespace,
        package=package,
        name=name,
        kind=kind,
        code=exec.code,
        binary=kind != SEQUENCE and _BASE64.fullmatch(exec.code.strip()) is not None,
        main=exec.main or "main",
        components=exec.components,
        parameters=put.parameters if put.parameters is not None else () if old is None else old.parameters,
        annotations=_merged(annotations, (*put.annotations, Annotation("exec", kind)), put.del_annotations),
        timeout_ms=timeout_ms or (limits.timeout_ms if old is None else old.timeout_ms),
        memory_mb=memory_mb or (limits.memory_mb if old is None else old.memory_mb),
        publish=put.publish if put.publish is not None else old is not None and old.publish,
        version=put.version or next_version(None if old is None else old.version),
        updated_ms=0,
    )


def make_package(put: PutPackage, old: Package | None, namespace: str, name: str) -> Package:
    """The package that a PUT makes, of nothing or of the one there is. Raises Refusal. `updated_ms` is left at 0."""
    if put.binding:
        raise Refusal(400, "The local action host has no bindings of packages.")
    return Package(
        namespace=namespace,
        name=name,
        parameters=put.parameters if put.parameters is not None else () if old is None else old.parameters,
        annotations=_merged(() if old is None else old.annotations, put.annotations, ()),
        publish=put.publish if put.publish is not None else old is not None and old.publish,
        version=put.version or next_version(None if old is None else old.version),
        updated_ms=0,
    )


def next_version(version: str | None) -> str:
    """The version after this one: the last of its numbers goes up."""
    if version is None:
        return "0.0.1"
    *front, patch = version.split(".")
    return ".".join([*front, str(int(patch) + 1)]) if patch.isdigit() else f"{version}.1"


def pairs(annotations: Sequence[Annotation]) -> list[Json]:
    """Annotations or parameters as JSON."""
    return [{"key": annotation.key, "value": annotation.value} for annotation in annotations]


def _merged(old: Sequence[Annotation], new: Sequence[Annotation], deleted: Sequence[str]) -> tuple[Annotation, ...]:
    merged = {annotation.key: annotation for annotation in (*old, *new)}
    return tuple(annotation for key, annotation in merged.items() if key not in deleted)


def _within(what: str, value: int | None, least: int, most: int, unit: str) -> int | None:
    if value is not None and not least <= value <= most:
        side = f"less than the minimum of {least}" if value < least else f"larger than the maximum of {most}"
        raise malformed(f"{what} {value} {unit} is {side} {unit}")
    return value
