"""The embedded Valkey: private, durable, alone on its data, and gone when its parent is."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import statebox
from statebox.embedded import EmbeddedValkey, EmbeddedValkeyError, find_server
from tests.programs import need_program
from tests.servers import ask
from tests.waiting import wait_until

STARTER = """
import asyncio, sys
from pathlib import Path
from statebox.embedded import EmbeddedValkey

async def main():
    async with EmbeddedValkey(Path(sys.argv[1])) as server:
        print(server.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits for its parent to notice does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def open_files(pid: int) -> set[Path]:
    return {link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir()}


async def test_it_answers_as_soon_as_it_is_entered_and_ends_when_it_is_left():
    async with EmbeddedValkey() as server:
        assert ask(server, "PING")
        pid, data = server.pid, server.data

    assert not is_alive(pid)
    assert not data.exists()


async def test_nobody_else_can_reach_it(tmp_path: Path):
    async with EmbeddedValkey(tmp_path / "data") as server:
        assert ask(server, "CONFIG GET", "port") == {"port": "0"}
        assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.data.stat().st_mode) == 0o700


async def test_it_appends_each_write_evicts_nothing_and_leaves_notifications_to_the_daemon():
    async with EmbeddedValkey() as server:
        assert ask(server, "CONFIG GET", "appendonly") == {"appendonly": "yes"}
        assert ask(server, "CONFIG GET", "appendfsync") == {"appendfsync": "everysec"}
        assert ask(server, "CONFIG GET", "maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert ask(server, "CONFIG GET", "notify-keyspace-events") == {"notify-keyspace-events": ""}


async def test_what_was_written_is_there_after_a_kill(tmp_path: Path):
    async with EmbeddedValkey(tmp_path, appendfsync="always") as server:
        ask(server, "SET", "answer", 42)
        await server.kill()
        await server.restart()
        assert ask(server, "GET", "answer") == "42"

    async with EmbeddedValkey(tmp_path) as server:
        assert ask(server, "GET", "answer") == "42"


async def test_a_server_that_still_loads_its_data_is_waited_for(tmp_path: Path):
    def rewritten() -> bool:
        return "aof_rewrite_in_progress:0" in str(ask(server, "EVAL", "return redis.call('INFO', 'persistence')", 0))

    async with EmbeddedValkey(tmp_path) as server:
        for number in range(300):
            ask(server, "SET", f"key:{number}", number)
        ask(server, "BGREWRITEAOF")
        await wait_until(rewritten, "the data in one file, whose loading can be slowed down")

    async with EmbeddedValkey(tmp_path, options=[("key-load-delay", "1000")]) as server:
        assert ask(server, "DBSIZE") == 300
    assert "DB loaded from base file" in server.log_tail(30)


async def test_the_machines_own_redis_can_be_used_in_its_place():
    async with EmbeddedValkey(binary=need_program("redis-server")) as server:
        assert ask(server, "CONFIG GET", "port") == {"port": "0"}


async def test_it_dies_with_its_parent_even_when_that_is_killed(tmp_path: Path):
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STARTER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert is_alive(pid)

    parent.send_signal(signal.SIGKILL)
    await parent.wait()

    await wait_until(lambda: not is_alive(pid), "the server's end")
    async with EmbeddedValkey(tmp_path) as server:
        assert server.pid != pid


def test_a_program_whose_parent_is_gone_already_does_not_begin():
    tether = Path(sys.modules["statebox.tether"].__file__ or "")
    not_the_parent = os.getppid()

    ended = subprocess.run(
        [sys.executable, "-I", "-S", tether, str(not_the_parent), "/bin/echo", "began"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "is gone" in ended.stderr


async def test_a_signal_to_the_terminals_programs_does_not_reach_it():
    async with EmbeddedValkey() as server:
        assert os.getpgid(server.pid) != os.getpgid(0)


async def test_data_that_is_in_use_is_refused_and_the_user_is_named(tmp_path: Path):
    async with EmbeddedValkey(tmp_path):
        with pytest.raises(EmbeddedValkeyError, match=f"{tmp_path} is in use by process {os.getpid()}: stop that one"):
            await EmbeddedValkey(tmp_path).__aenter__()

    async with EmbeddedValkey(tmp_path) as server:
        assert server.pid


async def test_data_stays_locked_while_a_server_lives_that_lost_its_starter(tmp_path: Path):
    """The lock belongs to the server as much as to the process that took it."""
    async with EmbeddedValkey(tmp_path) as server:
        assert tmp_path / "valkey.lock" in open_files(server.pid)


async def test_a_long_path_gets_its_socket_elsewhere(tmp_path: Path):
    data = tmp_path / ("d" * 120)
    async with EmbeddedValkey(data) as server:
        assert len(str(server.socket)) < 108
        assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
        assert (data / "appendonlydir").is_dir()
        place = server.socket.parent

    assert not place.exists()


async def test_a_path_with_blanks_and_signs_works(tmp_path: Path):
    async with EmbeddedValkey(tmp_path / "my data? #1 'x'") as server:
        assert "?" not in server.url.removesuffix("?db=0")
        assert ask(server, "PING")


async def test_a_server_that_cannot_start_shows_its_log(tmp_path: Path):
    with pytest.raises(EmbeddedValkeyError, match=r"(?s)ended with status 1; its log:.*no-such-option"):
        await EmbeddedValkey(tmp_path, options=[("no-such-option", "1")]).__aenter__()

    async with EmbeddedValkey(tmp_path) as server:
        assert server.pid


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedValkeyError, match=r"the data folder .*file/data cannot be made"):
        await EmbeddedValkey(tmp_path / "file" / "data").__aenter__()


async def test_its_end_can_be_waited_for(tmp_path: Path):
    async with EmbeddedValkey(tmp_path) as server:
        ending = asyncio.create_task(server.wait())
        os.kill(server.pid, signal.SIGKILL)
        assert await ending == -signal.SIGKILL
        assert await server.wait() == -signal.SIGKILL


async def test_stopping_one_that_hangs_ends_when_its_caller_gives_up():
    async with EmbeddedValkey() as server:
        pid = server.pid
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await server.stop()
        assert not is_alive(pid)
        with pytest.raises(EmbeddedValkeyError, match="does not run"):
            _ = server.pid


def test_a_machine_for_which_there_is_no_server_is_told_what_to_do():
    with pytest.raises(EmbeddedValkeyError, match=r"runs on Linux, and this is Darwin: run a Redis .* --redis-url"):
        find_server(system="Darwin")
    with pytest.raises(EmbeddedValkeyError, match=r"no server for Linux on riscv64: run a Redis .* --redis-url"):
        find_server(machine="riscv64")


def test_an_installation_without_the_extra_is_told_its_name():
    """With -S, Python does not see what is installed beside it."""
    sources = Path(statebox.__file__).parent.parent
    code = f"import sys; sys.path.insert(0, {str(sources)!r}); from statebox.embedded import find_server; find_server()"

    ended = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)

    assert "pip install 'openwhisk-statebox[embedded]'" in ended.stderr
