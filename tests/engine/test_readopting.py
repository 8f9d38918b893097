"""What a daemon claims that it holds already, as Redis was away for longer than a lease: it goes on, and does well."""

from __future__ import annotations

from pathlib import Path

from statebox.asl.execution import Status
from statebox.config import Address, Config, HttpConfig, OpenWhiskConfig, RedisConfig, Secret
from statebox.daemon import Daemon
from statebox.embedded import EmbeddedValkey
from statebox.openwhisk.local.host import ActionHost
from tests.engine.running import ended, start
from tests.servers import ask
from tests.waiting import wait_until

SLOW = """
import pathlib, time

def main(args):
    while not pathlib.Path(args["until"]).exists():
        time.sleep(0.01)
    return {}
"""


async def test_a_long_call_is_not_set_aside_however_often_its_lease_ran_out(valkey: EmbeddedValkey, tmp_path: Path):
    """Each claim is vouched for by a checkpoint, as its daemon has not died of it."""
    actions = tmp_path / "actions"
    actions.mkdir()
    (actions / "slow.py").write_text(SLOW)
    log = tmp_path / "invocations.jsonl"
    host = ActionHost(folder=actions, port=0, invocation_log=log)
    await host.start()
    config = Config(
        redis=RedisConfig(url=valkey.url),
        http=HttpConfig(listen=Address("127.0.0.1", 0)),
        openwhisk=OpenWhiskConfig(apihost=host.url, auth=Secret(host.auth)),
    )
    async with Daemon(config, {}) as daemon:
        states = {"Slow": {"Type": "Task", "Resource": "openwhisk:slow", "End": True}}
        id = await start(daemon, states, {"until": str(tmp_path / "go")})
        key = f"statebox:{{0}}:execution:{id}"
        await wait_until(lambda: log.exists() and '"start"' in log.read_text(), "the call to be under way")
        for _ in range(6):
            former = ask(valkey, "HGET", key, "lease")

            def is_vouched_for(former: object = former) -> bool:
                return ask(valkey, "HGET", key, "lease") != former and ask(valkey, "HEXISTS", key, "claims") == 0

            ask(valkey, "ZADD", "statebox:{0}:due", 0, id)
            ask(valkey, "PUBLISH", "statebox:due", 0)
            await wait_until(is_vouched_for, "the claim to be vouched for")
        (tmp_path / "go").touch()
        assert (await ended(daemon, id)).status is Status.SUCCEEDED
    assert log.read_text().count('"start"') == 1, "and it was called once"
    await host.stop()
