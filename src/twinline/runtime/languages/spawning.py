"""One sandbox as the worker sees it: a spawner with its control socket, and the processes it started.

Comes in: the command line of a spawner. Goes out: warm processes, each for one session, and word of their ends.
"""

import array
import asyncio
import os
import random
import socket
import subprocess
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import msgspec

from twinline.model.applications import Language
from twinline.model.errors import Trouble
from twinline.runtime.languages.container import Mode, Surroundings, command, environment
from twinline.runtime.languages.process import READY_PATIENCE, ScriptProcess

DATAGRAM_LIMIT = 64 * 1024
COMPLAINT_LIMIT = 4 * 1024
"""Bytes kept of what a spawner wrote to its standard error: the end of it says why it died."""

CLOSE_PATIENCE = 5.0

_SESSION_USERS = range(0x70000000, 0x7FFFFFFF)
"""Users that no system hands out (systemd documents 0x70000000 and up as unused): one for each session, at random."""


class _Word(msgspec.Struct, frozen=True):
    """What a spawner says."""

    type: str
    id: int = 0
    status: int = 0
    signal: int = 0
    cause: str = ""


_decoder = msgspec.json.Decoder(_Word)


class Sandbox:
    """A running spawner. Made by `start_sandbox`; ends with `close`, or by itself (`alive` is then False)."""

    def __init__(self, spawner: "subprocess.Popen[bytes]", control: socket.socket, complaints: int, facts: "_Facts"):
        self._spawner = spawner
        self._control = control
        self._complaints = complaints
        self._facts = facts
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[str] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._processes: dict[int, ScriptProcess] = {}
        self._orders: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._complaint = b""
        self._last = 0
        self.idle_since = time.monotonic()
        self._loop.add_reader(control, self._hear)
        self._loop.add_reader(complaints, self._read_complaint)

    @property
    def alive(self) -> bool:
        """Whether it can start processes."""
        return not self._gone.done()

    @property
    def running(self) -> int:
        """Processes that have not ended, warm ones included."""
        return len(self._processes)

    async def ready(self) -> None:
        """Wait until it is warm. Raises Trouble with what the spawner complained of."""
        try:
            async with asyncio.timeout(READY_PATIENCE):
                complaint = await asyncio.shield(self._ready)
        except TimeoutError:
            complaint = f"not ready after {READY_PATIENCE:g} s"
        if complaint:
            raise Trouble(f"the sandbox did not start: {complaint}", where="sandbox", mend="see `twinline up --help`")

    def spawn(self, entry: str) -> ScriptProcess:
        """A new process, not ready yet. Raises Trouble when the sandbox has ended or the machine has no descriptors."""
        if not self.alive:
            raise Trouble("the sandbox has ended", where="sandbox")
        self._last += 1
        number = self._last
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            read_end, write_end = os.pipe()
        except OSError as error:
            raise Trouble(f"no descriptors for a script: {error}", where="sandbox") from error
        ours.setblocking(False)
        os.set_blocking(read_end, False)
        process = ScriptProcess(
            ours,
            read_end,
            entry=entry,
            limits=self._facts.surroundings.limits,
            sandbox=self._facts.mode,
            end=lambda: self._order({"type": "kill", "id": number}),
        )
        self._processes[number] = process
        self._order({"type": "spawn", "id": number, "uid": self._facts.session_user()}, theirs.detach(), write_end)
        return process

    async def close(self) -> None:
        """End it with every process in it, and wait until they are gone."""
        self._end("the sandbox was closed")
        await self._loop.run_in_executor(None, self._wait)

    def _wait(self) -> None:
        try:
            self._spawner.wait(CLOSE_PATIENCE)
        except subprocess.TimeoutExpired:
            self._spawner.kill()
            self._spawner.wait()

    def _order(self, order: Mapping[str, object], *descriptors: int) -> None:
        if not self.alive:
            _close_all(descriptors)
            return
        self._orders.append((msgspec.json.encode(order), descriptors))
        self._send_orders()

    def _send_orders(self) -> None:
        while self._orders:
            data, descriptors = self._orders[0]
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
            try:
                self._control.sendmsg([data], rights)
            except BlockingIOError:
                self._loop.add_writer(self._control, self._send_orders)
                return
            except OSError:  # it has gone, and `_hear` is about to notice
                pass
            self._orders.popleft()
            _close_all(descriptors)
        self._loop.remove_writer(self._control)

    def _hear(self) -> None:
        while True:
            try:
                data = self._control.recv(DATAGRAM_LIMIT)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._end("the sandbox ended")
                return
            word = _decoder.decode(data)
            if word.type == "ready" and not self._ready.done():
                self._ready.set_result("")
            elif word.type == "exited":
                process = self._processes.pop(word.id, None)
                if process is not None:
                    process.ended(word.status, word.signal, word.cause)
                self.idle_since = time.monotonic()

    def _read_complaint(self) -> None:
        try:
            data = os.read(self._complaints, COMPLAINT_LIMIT)
        except BlockingIOError:
            return
        self._complaint = (self._complaint + data)[-COMPLAINT_LIMIT:]
        if not data:
            self._loop.remove_reader(self._complaints)

    def _end(self, cause: str) -> None:
        if self._gone.done():
            return
        self._gone.set_result(None)
        self._read_complaint()
        self._spawner.kill()
        self._loop.remove_reader(self._control)
        self._loop.remove_writer(self._control)
        self._loop.remove_reader(self._complaints)
        os.close(self._complaints)
        self._control.close()
        for _, descriptors in self._orders:
            _close_all(descriptors)
        complaint = self._complaint.decode(errors="replace").strip()
        if not self._ready.done():
            self._ready.set_result(complaint or cause)
        for process in self._processes.values():
            process.ended(0, 9, f"{cause}: {complaint}" if complaint else cause)
        self._processes.clear()


class _Facts(msgspec.Struct, frozen=True):
    """What a sandbox is made from. `users` are those its sessions may become; empty: each gets a user namespace."""

    surroundings: Surroundings
    mode: Mode
    users: range

    def session_user(self) -> int | None:
        return random.choice(self.users) if self.users else None


async def start_sandbox(surroundings: Surroundings, language: Language, bundle: Path, *, mode: Mode) -> Sandbox:
    """Start a spawner for a bundle and wait until it is warm.

    Raises Refused when bubblewrap is missing, Trouble when the sandbox does not start.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    read_end, write_end = os.pipe()
    with theirs:
        try:
            spawner = subprocess.Popen(  # noqa: ASYNC220 (a fork of milliseconds, once a version)
                command(surroundings, language, bundle, theirs.fileno(), mode=mode),
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                env=environment(),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
    ours.setblocking(False)
    os.set_blocking(read_end, False)
    users = _session_users() if mode == "bubblewrap" and os.geteuid() == 0 else range(0)
    sandbox = Sandbox(spawner, ours, read_end, _Facts(surroundings, mode, users))
    try:
        await sandbox.ready()
    except BaseException:
        await sandbox.close()
        raise
    return sandbox


def _session_users() -> range:
    """Users for sessions: those that nobody else uses, or in a container with few users the upper half of them."""
    first, count = 0, 0
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        start, _, length = (int(field) for field in line.split())
        if length > count:
            first, count = start, length
    if first + count >= _SESSION_USERS.stop:
        return _SESSION_USERS
    return range(first + count // 2, first + count)


def _close_all(descriptors: tuple[int, ...]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
