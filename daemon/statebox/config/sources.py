"""Where the configuration comes from: flags over the environment, credentials, the TOML file and defaults."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from statebox.config.redisurl import split_redis_url
from statebox.config.sections import (
    DaemonConfig,
    HttpConfig,
    LambdaConfig,
    LimitsConfig,
    LogConfig,
    OpenWhiskConfig,
    Option,
    RedisConfig,
    options,
)

S = TypeVar("S")

DEFAULT_FILE = Path("/etc/statebox/statebox.toml")

_OPTIONS = {option.key: option for option in options()}
_VARIABLES = {option.variable: option for option in _OPTIONS.values()}
# Variables of that prefix that are not the daemon's: the client's, those of the tests, and what Kubernetes sets by
# itself in every container beside a Service that is called statebox.
_FOREIGN_VARIABLES = re.compile(r"STATEBOX_(CONFIG|ENDPOINT|TOKEN|TEST_\w+|PORT|PORT_\w+|SERVICE_\w+)")


class ConfigError(Exception):
    """The configuration is wrong; `problems` holds all findings, each with its source and what to do."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One option as it is in force: what can be shown of its value (secrets are masked), and where that comes from."""

    key: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All that `statebox serve` can be told. `origins` says for each option that was set where it was."""

    redis: RedisConfig = field(default_factory=RedisConfig)
    daemon: DaemonConfig = field(default_factory=DaemonConfig)
    http: HttpConfig = field(default_factory=HttpConfig)
    openwhisk: OpenWhiskConfig = field(default_factory=OpenWhiskConfig)
    functions: LambdaConfig = field(default_factory=LambdaConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    log: LogConfig = field(default_factory=LogConfig)
    origins: Mapping[str, str] = field(default_factory=dict[str, str], compare=False, repr=False)

    def describe(self) -> Iterator[Setting]:
        """Every option in force, in the order of the sections."""
        for option in _OPTIONS.values():
            value: object = getattr(getattr(self, option.attribute), option.name)
            yield Setting(key=option.key, value=_shown(value), origin=self.origins.get(option.key, "default"))


@dataclass(frozen=True, slots=True)
class _Found:
    """A value as a source has it; relative paths in it start from `base`."""

    raw: object
    origin: str
    base: Path


def load(
    flags: Mapping[str, object],
    environment: Mapping[str, str],
    file: Path | None = None,
    default_file: Path = DEFAULT_FILE,
) -> Config:
    """Gather the configuration.

    `flags` maps keys (`redis.url`) to what the command line said; None stands for a flag that was not given. The file
    is `file`, else STATEBOX_CONFIG, else `default_file` where there is one. Raises ConfigError with all problems.
    """
    problems: list[str] = []
    found: dict[str, _Found] = {}
    for source in (
        _from_file(file, environment, default_file, problems),
        _from_credentials(environment, problems),
        _from_environment(environment, problems),
        _from_flags(flags),
    ):
        found |= _taken_apart(source, problems)

    chosen = {key: _read(_OPTIONS[key], entry, problems) for key, entry in found.items()}
    if problems:
        raise ConfigError(tuple(problems))

    def section(name: str, declared: type[S]) -> S:
        return declared(**{_OPTIONS[key].name: value for key, value in chosen.items() if _OPTIONS[key].section == name})

    config = Config(
        redis=section("redis", RedisConfig),
        daemon=section("daemon", DaemonConfig),
        http=section("http", HttpConfig),
        openwhisk=section("openwhisk", OpenWhiskConfig),
        functions=section("lambda", LambdaConfig),
        limits=section("limits", LimitsConfig),
        log=section("log", LogConfig),
        origins={key: entry.origin for key, entry in found.items()},
    )
    problems.extend(_contradictions(config))
    if problems:
        raise ConfigError(tuple(problems))
    return config


def _from_flags(flags: Mapping[str, object]) -> dict[str, _Found]:
    return {key: _Found(raw, f"flag {_OPTIONS[key].flag}", Path.cwd()) for key, raw in flags.items() if raw is not None}


def _from_environment(environment: Mapping[str, str], problems: list[str]) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    # An empty variable counts as one that is not set, as in `STATEBOX_NAME: ${NAME}` of a compose file.
    for name in sorted(name for name, value in environment.items() if value):
        option = _VARIABLES.get(name)
        pointed = _VARIABLES.get(name.removesuffix("_FILE"))
        if option is not None:
            found[option.key] = _Found(environment[name], f"environment {name}", Path.cwd())
        elif pointed is not None and pointed.secret:
            if environment.get(pointed.variable):
                problems.append(f"{pointed.variable} and {name} are both set in the environment: unset one of them")
            elif (secret := _content(Path(environment[name]), f"environment {name}", problems)) is not None:
                found[pointed.key] = _Found(secret, f"file {environment[name]} (environment {name})", Path.cwd())
        elif name.startswith("STATEBOX_") and not _FOREIGN_VARIABLES.fullmatch(name):
            problems.append(f"environment {name}: there is no such option{_nearest(name, _VARIABLES)}")
    return found


def _from_credentials(environment: Mapping[str, str], problems: list[str]) -> dict[str, _Found]:
    """Read what systemd's LoadCredential= lays into a folder: files named like the secrets, `redis.password`."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return {}
    found: dict[str, _Found] = {}
    for option in _OPTIONS.values():
        file = Path(folder, option.key)
        if option.secret and file.exists():
            secret = _content(file, f"credential {option.key}", problems)
            if secret is not None:
                found[option.key] = _Found(secret, f"credential {option.key}", Path.cwd())
    return found


def _from_file(
    file: Path | None, environment: Mapping[str, str], default_file: Path, problems: list[str]
) -> dict[str, _Found]:
    if file is None and environment.get("STATEBOX_CONFIG"):
        file = Path(environment["STATEBOX_CONFIG"])
    if file is None:
        if not default_file.exists():
            return {}
        file = default_file
    content = _content(file, "configuration", problems)
    if content is None:
        return {}
    try:
        document = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{file}: not valid TOML: {error}")
        return {}
    found: dict[str, _Found] = {}
    sections = {option.section for option in _OPTIONS.values()}
    for section, entries in document.items():
        if section not in sections or not isinstance(entries, dict):
            problems.append(f"{file}: there is no section [{section}]{_nearest(section, sections)}")
            continue
        for name, raw in msgspec.convert(entries, dict[str, object]).items():
            key = f"{section}.{name}"
            if key in _OPTIONS:
                found[key] = _Found(raw, f"{file} [{section}] {name}", file.absolute().parent)
            else:
                names = {option.name for option in _OPTIONS.values() if option.section == section}
                problems.append(f"{file} [{section}] {name}: there is no such option{_nearest(name, names)}")
    return found


def _content(file: Path, what: str, problems: list[str]) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        problems.append(f"{what}: {file} cannot be read: {reason}")
        return None


def _nearest(name: str, known: Mapping[str, object] | set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}"


def _taken_apart(source: dict[str, _Found], problems: list[str]) -> dict[str, _Found]:
    """Give what a Redis URL says beside the address to the options it belongs to, within the same source."""
    entry = source.get("redis.url")
    if entry is None or not isinstance(entry.raw, str):
        return source
    try:
        parts = {f"redis.{name}": value for name, value in split_redis_url(entry.raw)}
    except ValueError as error:
        problems.append(f"{entry.origin}: redis.url {error}")
        return {key: value for key, value in source.items() if key != "redis.url"}
    problems.extend(
        f"{source[key].origin}: {key} differs from what the URL says ({entry.origin}): drop one of them"
        for key in sorted(parts.keys() & source.keys() - {"redis.url"})
        if str(source[key].raw) != parts[key]
    )
    return source | {key: _Found(value, entry.origin, entry.base) for key, value in parts.items()}


def _read(option: Option, entry: _Found, problems: list[str]) -> object:
    try:
        return option.read(entry.raw, entry.base)
    except ValueError as error:
        said = "" if option.secret else f" = {entry.raw!r}"
        default = "" if option.default in (None, ()) else f" (default: {_shown(option.default)})"
        problems.append(f"{entry.origin}: {option.key}{said} {error}{default}")
        return None


def _contradictions(config: Config) -> Iterator[str]:
    """What is right by itself and wrong together."""
    http, redis, openwhisk = config.http, config.redis, config.openwhisk
    keys = [pair.reveal().partition(":")[0] for pair in (*http.access_keys, *http.viewer_access_keys)]
    if len(set(keys)) < len(keys):
        yield "http.access_keys and http.viewer_access_keys: each ID may stand there once"
    guarded = http.tokens or http.viewer_tokens or keys
    if not (http.listen.is_loopback or guarded or http.allow_remote_without_token):
        yield (
            f"{config.origins['http.listen']}: http.listen = {http.listen} can be reached from other machines and so"
            " needs a token or an access key: set one ([http] tokens, STATEBOX_TOKENS_FILE, or access_keys,"
            " STATEBOX_ACCESS_KEYS_FILE) or say --allow-remote-without-token"
        )
    if redis.ca_file is not None and not redis.url.startswith("rediss"):
        yield f"{config.origins['redis.ca_file']}: redis.ca_file is for TLS: let redis.url begin with rediss://"
    if redis.database and "+cluster:" in redis.url:
        yield f"{config.origins['redis.database']}: redis.database: a Redis Cluster has the database 0 only"
    if openwhisk.auth is not None and openwhisk.bearer is not None:
        yield (
            f"openwhisk.auth ({config.origins['openwhisk.auth']}) and openwhisk.bearer"
            f" ({config.origins['openwhisk.bearer']}) are both set: drop one of them"
        )
    if openwhisk.insecure and openwhisk.ca_file is not None:
        yield (
            f"{config.origins['openwhisk.insecure']}: openwhisk.insecure verifies no certificate, so openwhisk.ca_file"
            f" ({config.origins['openwhisk.ca_file']}) would not be used: drop one of them"
        )


def _shown(value: object) -> str:
    match value:
        case None | ():
            return "-"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case tuple():
            return ", ".join(map(str, msgspec.convert(value, tuple[object, ...])))
        case _:
            return str(value)
