"""Why something that should run here does not: the errors of other floors become Failures at this border."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from statebox.cli.failures import Failure, Misconfigured, Unavailable, system_words
from statebox.config import Address, ConfigError
from statebox.embedded import EmbeddedValkeyError
from statebox.engine.errors import InvalidDefinition, ServiceUnavailable
from statebox.openwhisk.config import InvalidOpenWhiskConfig
from statebox.store.namespace import UnusableRedis


@contextlib.contextmanager
def explained(where: Address | None = None, option: str = "--listen") -> Generator[None]:
    """Raise Failures for what goes wrong while something starts or runs; `where` it listens is chosen with `option`."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 -- each is raised again, at most as another
        only = _only(error)
        raise (_explain(only, where, option) or only) from None


def _explain(error: Exception, where: Address | None, option: str) -> Failure | None:
    match error:
        case Failure():
            return error
        case ConfigError():
            return Misconfigured("\n".join(error.problems))
        case InvalidDefinition():
            return Misconfigured(error.message)
        case InvalidOpenWhiskConfig() | UnusableRedis():
            return Misconfigured(str(error))
        case ServiceUnavailable():
            return Unavailable(error.message)
        case EmbeddedValkeyError():
            return Unavailable(str(error))
        case UnicodeDecodeError():
            return Misconfigured(f"a file is not UTF-8: {error}")
        case OSError() if error.filename is not None:
            return Misconfigured(f"{error.filename} cannot be used: {system_words(error)}")
        case OSError() if where is not None:
            return Unavailable(
                f"{where} cannot be listened on: {system_words(error)}; end what uses it, or choose another address"
                f" with {option}"
            )
        case _:
            return None


def _only(error: Exception) -> Exception:
    """The one error in a group of one: a daemon's parts run in a TaskGroup, which wraps whatever leaves it."""
    inner: tuple[Exception, ...] = getattr(error, "exceptions", ())
    return _only(inner[0]) if len(inner) == 1 else error
