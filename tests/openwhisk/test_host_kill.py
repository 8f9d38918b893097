"""The host's end, however it comes, is the end of everything it started."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from statebox.asl.jsontext import write_json
from statebox.openwhisk.client import OpenWhiskClient
from statebox.openwhisk.config import Basic, OpenWhiskConfig
from statebox.openwhisk.local.host import GUEST_AUTH, ActionHost
from statebox.openwhisk.names import read_action_name
from tests.openwhisk.conftest import Connect, Write, config_of
from tests.openwhisk.processes import children, is_running
from tests.programs import need_program
from tests.waiting import wait_until

HOST = """
import asyncio, sys
from pathlib import Path
from statebox.openwhisk.local.host import ActionHost

async def main():
    async with ActionHost(folder=Path(sys.argv[1])) as host:
        print(host.url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest_asyncio.fixture
async def process(tmp_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """An action host as a process of its own, in a process group of its own."""
    need_program("node")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HOST,
        str(tmp_path / "actions"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    yield process
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def client_of(process: asyncio.subprocess.Process, connect: Connect) -> OpenWhiskClient:
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    return await connect(OpenWhiskConfig(host=url, credentials=Basic(GUEST_AUTH)))


@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["the host", "its whole process group"])
async def test_nothing_is_left_of_a_host_that_is_killed(
    process: asyncio.subprocess.Process, connect: Connect, write: Write, tmp_path: Path, kill: object
):
    pids = tmp_path / "pids"
    pids.mkdir()
    note = "import os, subprocess\ndef note(p, pid): open(f'{p}/{pid}', 'w').close()\n"
    write("idle.py", f"{note}def main(p):\n    note(p['pids'], os.getpid())\n    return {{}}\n")
    write("busy.py", f"{note}def main(p):\n    note(p['pids'], os.getpid())\n    while True: pass\n")
    write("busyjs.js", "function main(p) { require('fs').writeFileSync(`${p.pids}/${process.pid}`, ''); for (;;); }")
    write(
        "parent.py",
        f"""{note}
def main(p):
    note(p["pids"], subprocess.Popen(["sleep", "600"]).pid)
    note(p["pids"], os.getpid())
    while True: pass
""",
    )
    client = await client_of(process, connect)
    parameters = write_json({"pids": str(pids)})
    await client.invoke(read_action_name("idle"), parameters, request_id="x")
    for name in ("busy", "busyjs", "parent"):
        await client.invoke(read_action_name(name), parameters, request_id="x", blocking=False)

    def files(pattern: str) -> list[Path]:
        return list(tmp_path.glob(pattern))

    await wait_until(lambda: len(files("pids/*")) == 5, "all actions run")
    started = {int(file.name) for file in files("pids/*")} | children(process.pid).keys()
    assert len(started) == 6  # with the guardian
    assert files("statebox-actions-*")

    assert callable(kill)
    kill(process.pid, signal.SIGKILL)

    await wait_until(lambda: not any(map(is_running, started)), "everything the host had started is gone")
    await wait_until(lambda: not files("statebox-actions-*"), "its files are gone")


async def test_an_idle_process_sees_by_itself_that_the_host_is_gone(
    process: asyncio.subprocess.Process, connect: Connect, write: Write
):
    write("idle.py", "def main(p): return {}\n")
    write("idlejs.js", "function main() {}\n")
    client = await client_of(process, connect)
    for name in ("idle", "idlejs"):
        await client.invoke(read_action_name(name), b"{}", request_id="x")
    started = children(process.pid)
    for pid, command in started.items():
        if "guardian" in command:
            os.kill(pid, signal.SIGKILL)
    os.kill(process.pid, signal.SIGKILL)
    await wait_until(lambda: not any(map(is_running, started)), "the idle processes are gone")


async def test_a_host_that_has_lost_its_guardian_says_so_and_goes_on(
    host: ActionHost, connect: Connect, write: Write, caplog: pytest.LogCaptureFixture
):
    for pid, command in children(os.getpid()).items():
        if "guardian" in command:
            os.kill(pid, signal.SIGKILL)
            await wait_until(lambda pid=pid: not is_running(pid), "the guardian is gone")
    client = await connect(config_of(host))
    for name in ("one", "two"):
        write(f"{name}.py", "def main(p): return {}\n")
        await client.invoke(read_action_name(name), b"{}", request_id="x")
    assert caplog.text.count("the guardian of the actions' processes is gone") == 1
