"""The relay carries bytes both ways, and ends with the process that started it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.runtime.outbound.world import INSIDE, settled

START = """
import sys, time
sys.path.insert(0, sys.argv[1])
import relay
print(relay.start(sys.argv[2], port=int(sys.argv[3])), flush=True)
time.sleep(60)
"""


@pytest.fixture
async def upper(tmp_path: Path) -> AsyncIterator[Path]:
    """A unix socket that says in capitals what it is told, when it has been told all."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write((await reader.read()).upper())
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_unix_server(serve, tmp_path / "upper.sock", backlog=1024):
        yield tmp_path / "upper.sock"


@pytest.fixture
def relay(upper: Path, free_port: int) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """The process that started a relay, the relay's own process id, its port."""
    command = [sys.executable, "-c", START, INSIDE, upper, str(free_port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        yield starter, int(starter.stdout.readline()), free_port
        starter.kill()


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


async def say(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        writer.write_eof()
        return await reader.read()
    finally:
        writer.close()


async def test_bytes_and_their_ends_go_both_ways(relay: tuple[subprocess.Popen[str], int, int]) -> None:
    assert await say(relay[2], b"hello") == b"HELLO"


async def test_more_than_any_buffer_holds(relay: tuple[subprocess.Popen[str], int, int]) -> None:
    data = os.urandom(1000).hex().encode() * 4000
    assert await say(relay[2], data) == data.upper()


async def test_hundreds_at_once_and_more_than_it_takes_wait(relay: tuple[subprocess.Popen[str], int, int]) -> None:
    said = [f"hello {number}".encode() for number in range(600)]
    assert await asyncio.gather(*(say(relay[2], data) for data in said)) == [data.upper() for data in said]


async def test_connections_that_break_off_leave_nothing_open(relay: tuple[subprocess.Popen[str], int, int]) -> None:
    _, pid, port = relay
    await say(port, b"are you there?")
    before = len(os.listdir(f"/proc/{pid}/fd"))
    for _ in range(50):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"half")
        writer.transport.abort()
    assert await say(port, b"still here") == b"STILL HERE"
    await settled(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before)


async def test_nobody_at_the_socket_closes_the_connection(
    relay: tuple[subprocess.Popen[str], int, int], upper: Path
) -> None:
    await asyncio.to_thread(upper.unlink)
    with contextlib.suppress(OSError):  # closed before or after all is said: either way nothing comes
        assert await say(relay[2], b"hello") == b""


async def test_it_ends_with_its_parent(relay: tuple[subprocess.Popen[str], int, int]) -> None:
    starter, pid, _ = relay
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    await settled(lambda: not runs(pid))


async def test_it_holds_none_of_its_parents_files(relay: tuple[subprocess.Popen[str], int, int]) -> None:
    _, pid, _ = relay
    targets = [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd") if int(name) > 2]
    assert all(target.startswith(("socket:", "anon_inode:")) for target in targets), targets


def test_a_taken_port_is_an_error_of_the_one_who_starts(upper: Path, free_port: int) -> None:
    twice = START.replace("time.sleep(60)", "relay.start(sys.argv[2], port=int(sys.argv[3]))")
    command = [sys.executable, "-c", twice, INSIDE, upper, str(free_port)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert "Address already in use" in ended.stderr
