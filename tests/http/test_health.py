"""Health: what a supervisor, a load balancer and a person are told, also when Redis is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from statebox import __version__
from statebox.embedded import EmbeddedValkey
from statebox.engine.errors import ServiceUnavailable
from statebox.engine.records import Counts
from statebox.http.health import HealthEndpoints
from tests.http.site import SUSPENDING, Site, open_site, states
from tests.waiting import wait_until

PATHS = ("/livez", "/readyz", "/healthz")


async def test_all_is_well(site: Site):
    for path in PATHS:
        answer = await site.get(path)
        assert (answer.status, answer.json["status"]) == (200, "ok")
        assert answer.headers["Cache-Control"] == "no-store"
        assert (await site.ask("HEAD", path)).status == 200


async def test_healthz_counts_what_there_is(site: Site):
    async def hints_are_on() -> bool:
        return (await site.get("/healthz")).json["hints"] == "on"

    await wait_until(hints_are_on, "the daemon to listen to Redis")
    empty = (await site.get("/healthz")).json
    assert empty == {
        "status": "ok",
        "version": __version__,
        "redis": "ok",
        "running": 0,
        "suspended": 0,
        "oldest_suspended": None,
        "set_aside": 0,
        "hints": "on",
    }
    first = await site.run(SUSPENDING)
    await site.run(SUSPENDING)
    await site.run(states("Nap", Nap={"Type": "Wait", "Seconds": 3600, "End": True}))
    shown = (await site.get("/healthz")).json
    since = (await site.get(f"/continuations/{first.json['CONTINUATION']}")).json["since"]
    assert (shown["suspended"], shown["oldest_suspended"]) == (2, since)


async def test_while_redis_is_away_the_daemon_lives_and_says_so(
    own_valkey: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
):
    """Nobody gets a continuation that does not exist, and everything works again when Redis is back."""
    async with open_site(own_valkey, tmp_path_factory.mktemp("home")) as site:
        continuation = (await site.run(SUSPENDING)).json["CONTINUATION"]
        await own_valkey.stop()
        livez, readyz, healthz, started, resumed, operated = await asyncio.gather(
            site.get("/livez"),
            site.get("/readyz"),
            site.get("/healthz"),
            site.run(SUSPENDING),
            site.post(f"/?continuation={continuation}"),
            site.operate("ListExecutions"),
        )
        assert livez.status == 200
        assert (readyz.status, readyz.json["reasons"]) == (503, ["Redis does not answer"])
        assert (healthz.status, healthz.json["redis"], healthz.json["suspended"]) == (503, "away", None)
        assert (operated.status, operated.json["__type"]) == (503, "ServiceUnavailable")
        for answer in (started, resumed):
            assert (answer.status, answer.json["code"]) == (503, "ServiceUnavailable")
            assert "CONTINUATION" not in answer.json
        for answer in (readyz, healthz, started, resumed, operated):
            assert answer.headers["Retry-After"] == "1"

        await own_valkey.restart()
        assert (await site.post(f"/?continuation={continuation}")).status == 200
        assert (await site.get("/readyz")).status == 200


class Ailing:
    """A daemon that is stopping, and whose Redis hangs."""

    hints = "off"

    def unready(self) -> Sequence[str]:
        return ["stopping"]

    async def redis_ok(self) -> bool:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async def counts(self) -> Counts:
        raise ServiceUnavailable


class Stopping(Ailing):
    """A daemon that is stopping, and whose Redis is gone between two questions."""

    async def redis_ok(self) -> bool:
        return True


async def test_whoever_asks_while_redis_hangs_is_answered_within_moments():
    endpoints = HealthEndpoints(Ailing())
    async with asyncio.timeout(5):
        readyz, healthz = await asyncio.gather(endpoints.readyz(), endpoints.healthz())
    assert (readyz.status, healthz.status) == (503, 503)
    assert readyz.body == b'{"status":"not ready","reasons":["stopping","Redis does not answer"]}'


async def test_a_daemon_that_stops_is_not_ready():
    readyz = await HealthEndpoints(Stopping()).readyz()
    assert (readyz.status, readyz.headers["Retry-After"]) == (503, "1")
    assert readyz.body == b'{"status":"not ready","reasons":["stopping"]}'


async def test_figures_that_cannot_be_had_are_null():
    healthz = await HealthEndpoints(Stopping()).healthz()
    assert healthz.status == 503
    assert isinstance(healthz.body, bytes)
    assert b'"redis":"away","running":null' in healthz.body
