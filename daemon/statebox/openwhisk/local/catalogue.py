"""The catalogue: all actions and packages of the host, from its folder and from its clients."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import msgspec

from statebox.asl.jsontext import Json
from statebox.openwhisk.local.entities import (
    SEQUENCE,
    Action,
    Package,
    PutAction,
    PutPackage,
    make_action,
    make_package,
)
from statebox.openwhisk.local.folder import OF_FILES, ActionFolder
from statebox.openwhisk.local.limits import HostLimits
from statebox.openwhisk.local.refusals import Refusal, exists_already, malformed, no_such_resource
from statebox.openwhisk.local.runtimes import Runtimes
from statebox.openwhisk.names import InvalidActionName, is_entity_name, read_action_name

_E = TypeVar("_E", Action, Package)


class Catalogue:
    """Finds, takes and gives up entities.

    What a client puts hides a file of the same name until it is deleted; files themselves change on disk only. With a
    `data` folder, what clients put is still there after a restart; without one it is in memory.
    """

    def __init__(
        self, namespace: str, runtimes: Runtimes, limits: HostLimits, folder: ActionFolder | None, data: Path | None
    ) -> None:
        self._namespace = namespace
        self._runtimes = runtimes
        self._limits = limits
        self._folder = folder
        self._data = data
        self._actions: dict[tuple[str, str], Action] = {}
        self._packages: dict[str, Package] = {}
        if data is not None:
            self._packages = {package.name: package for package in _load(data / "packages", Package)}
            self._actions = {(action.package, action.name): action for action in _load(data / "actions", Action)}

    def action(self, package: str, name: str) -> Action:
        """The action of that name. Raises Refusal."""
        action = self._actions.get((package, name))
        if action is None and self._folder is not None:
            action = self._folder.find(package, name)
        if action is None:
            raise no_such_resource()
        return action

    def named(self, text: str) -> Action:
        """The action with that full name (`/_/name`, `/guest/package/name`). Raises Refusal."""
        try:
            name = read_action_name(text)
        except InvalidActionName as error:
            raise malformed(str(error)) from None
        if name.namespace not in ("_", self._namespace):
            raise no_such_resource()
        return self.action(name.package or "", name.action)

    def actions(self, package: str | None = None) -> list[Action]:
        """All actions, or those of one package (empty: the default one), newest first as OpenWhisk lists them."""
        wanted = ["", *(found.name for found in self.packages())] if package is None else [package]
        found: dict[tuple[str, str], Action] = {}
        for name in wanted:
            if self._folder is not None:
                found |= {(name, action.name): action for action in self._folder.actions(name)}
            found |= {key: action for key, action in self._actions.items() if key[0] == name}
        return sorted(found.values(), key=lambda action: action.updated_ms, reverse=True)

    def put_action(self, package: str, name: str, body: Json, *, overwrite: bool) -> Action:
        """Create an action, or update the one there is. Raises Refusal."""
        put = _convert(body, PutAction)
        if not is_entity_name(name):
            raise malformed(f"{name!r} is not allowed as a name")
        if package and self._package(package) is None:
            raise no_such_resource()
        try:
            old = self.action(package, name)
        except Refusal:
            old = None
        if old is not None and not overwrite:
            raise exists_already()
        if old is not None and old.file is not None:
            kept = tuple(annotation for annotation in old.annotations if annotation.key not in OF_FILES)
            old = msgspec.structs.replace(old, annotations=kept)
        action = make_action(put, old, self._namespace, package, name, self._runtimes, self._limits)
        if action.kind == SEQUENCE:
            action = msgspec.structs.replace(action, components=tuple(self._full(name) for name in action.components))
        action = msgspec.structs.replace(action, updated_ms=_now_ms())
        self._keep("actions", f"{package}/{name}", action)
        self._actions[package, name] = action
        return action

    def delete_action(self, package: str, name: str) -> Action:
        """Give up what a client has put. Raises Refusal."""
        action = self.action(package, name)
        if (package, name) not in self._actions:
            raise Refusal(409, f"The action is the file {action.file}: delete that.")
        del self._actions[package, name]
        self._forget("actions", f"{package}/{name}")
        return action

    def package(self, name: str) -> Package:
        """The package of that name. Raises Refusal."""
        package = self._package(name)
        if package is None:
            raise no_such_resource()
        return package

    def packages(self) -> list[Package]:
        """All packages, by name."""
        names = {*self._packages, *(self._folder.packages() if self._folder is not None else ())}
        return [package for name in sorted(names) if (package := self._package(name)) is not None]

    def put_package(self, name: str, body: Json, *, overwrite: bool) -> Package:
        """Create a package, or update the one there is. Raises Refusal."""
        if not is_entity_name(name):
            raise malformed(f"{name!r} is not allowed as a name")
        put = _convert(body, PutPackage)
        old = self._package(name)
        if old is not None and not overwrite:
            raise exists_already()
        package = msgspec.structs.replace(make_package(put, old, self._namespace, name), updated_ms=_now_ms())
        self._keep("packages", name, package)
        self._packages[name] = package
        return package

    def delete_package(self, name: str) -> Package:
        """Give up an empty package. Raises Refusal."""
        package = self.package(name)
        actions = self.actions(name)
        if actions:
            raise Refusal(409, f"Package not empty (contains {len(actions)} entities).")
        if name not in self._packages:
            raise Refusal(409, "The package is a folder: delete that.")
        del self._packages[name]
        self._forget("packages", name)
        return package

    def _package(self, name: str) -> Package | None:
        package = self._packages.get(name)
        if package is None and self._folder is not None and self._folder.has_package(name):
            package = Package(namespace=self._namespace, name=name, updated_ms=0)
        return package

    def _full(self, component: str) -> str:
        """A component's full name; it has to be there."""
        return f"/{self.named(component).path}"

    def _keep(self, kind: str, name: str, entity: Action | Package) -> None:
        if self._data is None:
            return
        file = self._data / kind / f"{quote(name, safe='')}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        # Whole or not at all, also when the host ends in the middle.
        draft = file.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(entity))
        draft.replace(file)

    def _forget(self, kind: str, name: str) -> None:
        if self._data is not None:
            (self._data / kind / f"{quote(name, safe='')}.json").unlink(missing_ok=True)


def _load(folder: Path, kind: type[_E]) -> Sequence[_E]:
    return [msgspec.json.decode(file.read_bytes(), type=kind) for file in sorted(folder.glob("*.json"))]


_P = TypeVar("_P", PutAction, PutPackage)


def _convert(body: Json, kind: type[_P]) -> _P:
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise malformed(str(error)) from None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
