"""The checkup of OpenWhisk: whether it answers, and knows the credentials."""

from __future__ import annotations

from statebox.engine.checkup import Finding, fail, ok, warn
from statebox.openwhisk.client import OpenWhiskClient
from statebox.openwhisk.config import InvalidOpenWhiskConfig, OpenWhiskConfig
from statebox.openwhisk.errors import OpenWhiskError, Refused

_SUBJECT = "openwhisk"


async def check_openwhisk(config: OpenWhiskConfig | None) -> Finding:
    """One finding; `config` is None where nobody has said where OpenWhisk is."""
    if config is None:
        return warn(
            _SUBJECT,
            "none is configured: every task that calls an action will fail",
            "set WHISK_APIHOST and WHISK_AUTH, or [openwhisk]; `statebox actions` runs a local one",
        )
    try:
        async with OpenWhiskClient(config, connect_timeout_s=5, answer_timeout_s=5) as client:
            namespaces = await client.ping()
    except Refused as refused:
        if refused.status in (401, 403):
            words = f"{config.host} does not know the credentials ({refused})"
            return fail(_SUBJECT, words, "set WHISK_AUTH, or [openwhisk] auth")
        return fail(_SUBJECT, f"{config.host} answers {refused}", "is that the API host of an OpenWhisk?")
    except (OpenWhiskError, InvalidOpenWhiskConfig) as error:
        return fail(_SUBJECT, str(error), "start it, or set WHISK_APIHOST, or [openwhisk] apihost")
    return ok(_SUBJECT, f"answers at {config.host}, namespaces: {', '.join(namespaces) or 'none'}")
