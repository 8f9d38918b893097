"""What can be configured: every option with its default, its bounds and its sentence of help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

from statebox.config import values
from statebox.config.values import Address, Reader, Secret

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option as sources and help texts see it.

    `key` is its place in the TOML file, `section.name`. What configures the daemon itself ([daemon] and [http]) goes
    without its section's name on the command line and in the environment: `--listen`, STATEBOX_LISTEN; the rest has it:
    `--redis-url`, STATEBOX_REDIS_URL. A secret has no flag, as command lines can be seen by everybody on the machine.
    """

    section: str
    name: str
    help: str
    default: object
    read: Reader[object]
    secret: bool

    @property
    def key(self) -> str:
        """Its place in the TOML file."""
        return f"{self.section}.{self.name}"

    @property
    def attribute(self) -> str:
        """The field of Config that holds its section."""
        return "functions" if self.section == "lambda" else self.section

    @property
    def variable(self) -> str:
        """Its variable in the environment."""
        words = self.name if self.section in ("daemon", "http") else f"{self.section}_{self.name}"
        return f"STATEBOX_{words.upper()}"

    @property
    def flag(self) -> str | None:
        """Its flag on the command line; None for a secret."""
        return None if self.secret else "--" + self.variable.removeprefix("STATEBOX_").lower().replace("_", "-")


def option(default: T, read: Reader[T], help: str, *, secret: bool = False) -> T:
    """Declare an option as a field of its section."""
    return field(default=default, metadata={"read": read, "help": help, "secret": secret})


class _Section(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Field[object]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisConfig:
    """Where Redis is. `url` holds neither credentials nor the database: they stand in fields of their own."""

    url: str = option(
        "redis://127.0.0.1:6379",
        values.text,
        "redis://HOST:PORT/DATABASE, unix:///path/to/socket?db=DATABASE, redis+cluster://HOST:PORT,HOST:PORT (any nodes"
        " of a Redis Cluster) or redis+sentinel://HOST:PORT,HOST:PORT/NAME/DATABASE (sentinels, and what they call the"
        " primary); rediss for TLS",
    )
    username: Secret | None = option(None, values.secret, "the ACL user", secret=True)
    password: Secret | None = option(None, values.secret, "the password", secret=True)
    sentinel_username: Secret | None = option(None, values.secret, "the sentinels' own ACL user", secret=True)
    sentinel_password: Secret | None = option(None, values.secret, "the sentinels' own password", secret=True)
    database: int = option(0, values.whole(at_least=0, at_most=1_000_000), "number of the database")
    prefix: str = option(
        "statebox",
        values.matching(r"[A-Za-z0-9_.:-]{1,64}", "1 to 64 letters, digits or any of _ . : -"),
        "begins every key; daemons with the same prefix share their work",
    )
    # The last 12 bits of a continuation are its shard.
    shards: int = option(
        1,
        values.whole(at_least=1, at_most=4096),
        "number of shards, fixed when the prefix is first used; more than 1 is for Redis Cluster",
    )
    ca_file: Path | None = option(
        None, values.existing_file, "certificates (PEM) that rediss:// trusts instead of the system's"
    )
    connect_seconds: float = option(
        5.0, values.number(at_least=0.1, at_most=300), "how long a connection may take to be made"
    )
    command_seconds: float = option(5.0, values.number(at_least=0.1, at_most=300), "how long a command may take")
    waiting_commands: int = option(
        50_000,
        values.whole(at_least=1, at_most=100_000_000),
        "commands that wait to be sent to Redis; requests that need more get 503",
    )
    waiting_bytes: int = option(
        64 * 1024 * 1024,
        values.whole(at_least=1024, at_most=1024 * 1024 * 1024 * 1024),
        "what the commands that wait may have, in bytes; requests that need more get 503",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonConfig:
    """How the daemon works."""

    name: str | None = option(
        None,
        values.matching(r"[A-Za-z0-9_.:@-]{1,128}", "1 to 128 letters, digits or any of _ . : @ -"),
        "unique among the running daemons: after a crash the daemon of this name goes on at once with what it held;"
        " without a name that waits for the end of the lease",
    )
    lease_seconds: float = option(
        10.0, values.number(at_least=1, at_most=3600), "how long the executions of a daemon that died stay untouched"
    )
    drain_seconds: float = option(
        30.0, values.number(at_least=0, at_most=3600), "how long a stopping daemon gives what is in flight"
    )
    retention_days: float = option(
        30.0, values.number(at_least=0.0001, at_most=36_500), "how long an execution is kept after its end"
    )
    sweep_seconds: float = option(
        1.0, values.number(at_least=0.05, at_most=60), "how often to look for what is due without a hint"
    )
    transitions_per_step: int = option(
        500, values.whole(at_least=1, at_most=100_000), "transitions of one execution before others have their turn"
    )
    max_running: int = option(
        10_000, values.whole(at_least=1, at_most=10_000_000), "executions held in memory; suspended ones are not"
    )
    machines: Path | None = option(
        None,
        values.existing_folder,
        "folder of definitions (NAME.json), loaded by name at the start and again on SIGHUP",
    )
    files: Path | None = option(
        None,
        values.existing_folder,
        "folder of the files that distributed Maps read items from and write results to (file:...)",
    )
    notifications: str = option(
        "auto",
        values.one_of("auto", "off"),
        "keyspace notifications as early wakeups: auto turns on what Redis allows, off does without",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """How the daemon is reached. The port is the one of AWS's own Step Functions Local, which its users know."""

    listen: Address = option(Address("127.0.0.1", 8083), values.address, "HOST:PORT to listen on")
    tokens: tuple[Secret, ...] = option(
        (), values.bearer_tokens, "tokens of which callers must send one (Authorization: Bearer)", secret=True
    )
    viewer_tokens: tuple[Secret, ...] = option(
        (), values.bearer_tokens, "tokens as those, whose bearers may only look", secret=True
    )
    access_keys: tuple[Secret, ...] = option(
        (),
        values.access_keys,
        "ID:SECRET with which AWS's clients sign (Signature Version 4); callers must sign with one or send a token",
        secret=True,
    )
    viewer_access_keys: tuple[Secret, ...] = option(
        (), values.access_keys, "ID:SECRET as those, whose holders may only look", secret=True
    )
    allow_remote_without_token: bool = option(
        False, values.switch, "listen beyond this machine although no token is set: everybody there can do everything"
    )
    allowed_hosts: tuple[str, ...] = option(
        (), values.texts, "names in the Host header that are served beside localhost and the address listened on"
    )
    wait_seconds: float = option(
        60.0, values.number(at_least=0, at_most=86_400), "how long a request waits for its execution before it gets 504"
    )
    max_body_bytes: int = option(
        8 * 1024 * 1024, values.whole(at_least=1024, at_most=1024 * 1024 * 1024), "largest body of a request, in bytes"
    )
    max_connections: int = option(
        4096, values.whole(at_least=1, at_most=1_000_000), "connections at the same time; more of them get 429 at once"
    )
    max_requests: int = option(
        2048,
        values.whole(at_least=1, at_most=1_000_000),
        "requests served at the same time, those that wait for their execution included; more of them get 429",
    )
    max_requests_bytes: int = option(
        64 * 1024 * 1024,
        values.whole(at_least=1024, at_most=1024 * 1024 * 1024 * 1024),
        "what the bodies of all requests served at the same time may have, in bytes; more of them get 429",
    )
    reuse_port: bool = option(
        False, values.switch, "let several daemons of one user listen on the same port; the kernel spreads connections"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWhiskConfig:
    """Where actions are. What is not set is looked for as wsk does: WHISK_*, __OW_*, WSK_CONFIG_FILE, ~/.wskprops."""

    apihost: str | None = option(None, values.text, "API host, as in https://openwhisk.example.org")
    auth: Secret | None = option(
        None,
        values.secret,
        "key as in ~/.wskprops, UUID:KEY",
        secret=True,
    )
    bearer: Secret | None = option(
        None, values.secret, "bearer token, for hosts that take one instead of a key", secret=True
    )
    namespace: str | None = option(None, values.text, "namespace of actions named without one")
    insecure: bool = option(False, values.switch, "do not verify the API host's certificate")
    ca_file: Path | None = option(
        None, values.existing_file, "certificates (PEM) that are trusted instead of the system's"
    )
    calls_in_flight: int = option(
        100, values.whole(at_least=1, at_most=100_000), "calls at the same time; more of them wait"
    )
    retries: int = option(
        5,
        values.whole(at_least=0, at_most=100),
        "how often a call that cannot have started is repeated (429, no connection)",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaConfig:
    """How machines of AWS find the actions that stand for their functions."""

    rename: tuple[str, ...] = option(
        (),
        values.assignments,
        "function = action, or function:qualifier = action, for functions whose action has another name",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsConfig:
    """How much one execution may be; AWS's values where its behaviour depends on them. 0 lifts a limit."""

    payload_bytes: int = option(
        262_144,
        values.whole(at_least=0, at_most=1024 * 1024 * 1024),
        "largest input, output or result, in bytes of JSON; more fails the state with States.DataLimitExceeded",
    )
    variables_bytes: int = option(
        10_485_760,
        values.whole(at_least=0, at_most=1024 * 1024 * 1024),
        "what all variables of an execution may take, in bytes of JSON; an Assign beyond that fails its state in the "
        "same way",
    )
    history_events: int = option(
        25_000,
        values.whole(at_least=0, at_most=1_000_000_000),
        "longest history, in events; the execution fails with the last one",
    )
    evaluation_seconds: float = option(
        3.0,
        values.number(at_least=0.1, at_most=300),
        "how long one costly expression or path may take, in a process of its own, before it fails its state",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """What is logged, to stderr."""

    level: str = option("info", values.one_of("debug", "info", "warning", "error"), "least level that is logged")
    format: str = option(
        "auto",
        values.one_of("auto", "text", "json", "journal"),
        "auto: journal under systemd, text on a terminal, else json",
    )


def options() -> Iterator[Option]:
    """All options, section by section."""
    sections: dict[str, type[_Section]] = {
        "redis": RedisConfig,
        "daemon": DaemonConfig,
        "http": HttpConfig,
        "openwhisk": OpenWhiskConfig,
        "lambda": LambdaConfig,
        "limits": LimitsConfig,
        "log": LogConfig,
    }
    for section, declared in sections.items():
        for entry in fields(declared):
            yield Option(
                section=section,
                name=entry.name,
                help=entry.metadata["help"],
                default=entry.default,
                read=entry.metadata["read"],
                secret=entry.metadata["secret"],
            )
