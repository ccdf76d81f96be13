"""Child processes that are kept running: started, started again when they end, stopped in order.

Comes in: named commands. Goes out: processes in sessions of their own, whose output goes to a file each. A child that
ends is started again after a pause that grows while it keeps ending. Children end with us, even when we are killed.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 10.0
"""Seconds before a child is started again: the first time, and at most. systemd's default is 0.1 s."""

STEADY = 10.0
"""Seconds after which a child counts as running well, so that its next end is a first one again."""

PATIENCE = 15.0
"""Seconds that a child has to end after SIGTERM before it is killed. systemd gives 90; ours keep state elsewhere."""

LOG_LIMIT = 50 * 1024 * 1024
"""Bytes of a child's log file, kept at its start as one older file."""

_PR_SET_PDEATHSIG = 1

log = structlog.get_logger()


@dataclass(frozen=True)
class Command:
    """What to run: arguments, additions to the environment, and the file that takes its output."""

    arguments: Sequence[str]
    log_file: Path
    environment: Mapping[str, str] = field(default_factory=dict)


class Supervisor:
    """The children of one platform. `async with` stops them all, the last one started first."""

    def __init__(self) -> None:
        self._children: dict[str, asyncio.Task[None]] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> "Supervisor":
        return self

    async def __aexit__(self, *_: object) -> None:
        for name in reversed(list(self._children)):
            await self.stop(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The children that are to run, in the order they were started."""
        return tuple(self._children)

    def pid(self, name: str) -> int | None:
        """A child's process identifier while it runs."""
        process = self._processes.get(name)
        return process.pid if process is not None and process.returncode is None else None

    def start(self, name: str, command: Command) -> None:
        """Keep `command` running under `name`. Starting what runs already changes nothing."""
        if name not in self._children:
            self._children[name] = asyncio.create_task(self._keep_running(name, command))

    async def stop(self, name: str) -> None:
        """End a child: SIGTERM, and SIGKILL when it does not listen."""
        task = self._children.pop(name, None)
        if task is None:
            return
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _keep_running(self, name: str, command: Command) -> None:
        pause = FIRST_PAUSE
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            process = await _spawn(command)
            self._processes[name] = process
            log.info("child.started", child=name, pid=process.pid)
            try:
                status = await process.wait()
            except asyncio.CancelledError:
                await _end(process)
                log.info("child.stopped", child=name)
                raise
            pause = FIRST_PAUSE if loop.time() - began > STEADY else min(pause * 2, LONGEST_PAUSE)
            log.warning("child.ended", child=name, status=status, again_in=pause, log=str(command.log_file))
            await asyncio.sleep(pause)


async def _spawn(command: Command) -> asyncio.subprocess.Process:
    command.log_file.parent.mkdir(parents=True, exist_ok=True)
    if command.log_file.exists() and command.log_file.stat().st_size > LOG_LIMIT:
        command.log_file.replace(command.log_file.with_suffix(".old.log"))
    with command.log_file.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *command.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **command.environment},
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )


_libc = ctypes.CDLL(None)


def _end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the supervisor is gone, so that its kill -9 leaves nothing behind."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
