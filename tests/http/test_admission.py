"""Admission: what is too much at once is sent away with a word on when to come back, and costs nobody else anything."""

from __future__ import annotations

import asyncio
from pathlib import Path

from statebox.embedded import EmbeddedValkey
from tests.http.site import PASSING, SUSPENDING, open_actions, open_site, states
from tests.waiting import wait_until

_SLOW = states("Slow", Slow={"Type": "Task", "Resource": "module:slow", "Parameters": {"seconds": 1}, "End": True})


async def test_more_requests_than_may_be_served_at_once_are_sent_away(valkey: EmbeddedValkey, tmp_path: Path):
    async with (
        open_actions(tmp_path / "actions") as actions,
        open_site(valkey, tmp_path, actions=actions, max_requests=3) as site,
    ):
        waiting = [asyncio.ensure_future(site.run(_SLOW)) for _ in range(3)]
        await wait_until(lambda: site.daemon.service.running_here == 3, "three requests to wait for their executions")

        seed = await site.run(PASSING)
        assert (seed.status, seed.json["code"], seed.headers["Retry-After"]) == (429, "TooManyRequests", "1")
        aws = await site.operate("ListExecutions")
        assert (aws.status, aws.json["__type"], aws.headers["Retry-After"]) == (429, "ThrottlingException", "1")
        for path in ("/livez", "/readyz", "/healthz"):
            assert (await site.get(path)).status == 200

        assert [answer.json for answer in await asyncio.gather(*waiting)] == ["done"] * 3
        assert (await site.run(PASSING)).status == 200


async def test_bodies_that_are_too_much_together_are_refused_unread(valkey: EmbeddedValkey, tmp_path: Path):
    large = {"statemachine": {"m": _SLOW}, "input": {"x": "x" * 6000}}
    async with (
        open_actions(tmp_path / "actions") as actions,
        open_site(valkey, tmp_path, actions=actions, max_requests_bytes=10_000) as site,
    ):
        waiting = asyncio.ensure_future(site.post("/", large))
        await wait_until(lambda: site.daemon.service.running_here == 1, "one large request to wait")

        refused = await site.post("/", large)
        assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
        assert "as large as they may be" in refused.json["error"]
        assert (await site.run(PASSING)).status == 200

        assert (await waiting).json == "done"
        assert (await site.post("/", large)).status == 200


async def test_a_body_larger_than_all_may_be_together_is_served_alone(valkey: EmbeddedValkey, tmp_path: Path):
    async with open_site(valkey, tmp_path, max_requests_bytes=1024) as site:
        answer = await site.post("/", {"statemachine": {"m": SUSPENDING}, "input": {"x": "x" * 6000}})
        assert answer.status == 200


async def test_more_connections_than_there_may_be_are_told_to_come_back(valkey: EmbeddedValkey, tmp_path: Path):
    """Also those that send more than anybody reads; that the daemon lives is told on every connection."""
    async with open_site(valkey, tmp_path, max_connections=2) as site:
        held = [await asyncio.open_connection("127.0.0.1", site.daemon.port) for _ in range(2)]
        await wait_until(lambda: _connections(site.daemon.port) >= 2, "both connections to be there")

        for path, large in (("/", b"x" * 900_000), ("/?input=6", b"{}")):
            refused = await site.ask("POST", path, data=large)
            assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
            assert (refused.json["code"], refused.json["__type"]) == ("TooManyRequests", "ThrottlingException")
        assert (await site.get("/livez")).status == 200
        assert (await site.get("/readyz")).status == 429

        for _, writer in held:
            writer.close()

        async def is_served() -> bool:
            return (await site.run(PASSING)).status == 200

        await wait_until(is_served, "there to be room again")


def _connections(port: int) -> int:
    """How many connections to a port of this machine there are."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "01" for line in lines)
