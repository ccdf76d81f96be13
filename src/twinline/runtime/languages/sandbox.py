"""Where a worker's scripts run: a sandbox for each application version, kept warm, a process for each session.

Comes in: a version and its unpacked bundle. Goes out: a process that waits for its start. Sandboxes are kept while they
are used, the least recently used is closed when there are too many, and every one that has been idle for long.
"""

import asyncio
import os
import time
from collections import OrderedDict, deque
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from twinline.model.applications import Language, Version
from twinline.model.errors import Refused, Trouble
from twinline.runtime.languages.container import Interpreters, Mode, Surroundings, roots_of
from twinline.runtime.languages.limits import Limits
from twinline.runtime.languages.process import Exit, ScriptProcess
from twinline.runtime.languages.spawning import Sandbox, start_sandbox

__all__ = ["Exit", "Interpreters", "Limits", "Mode", "Sandboxes", "ScriptProcess", "check_sandbox"]

IDLE_SECONDS = 600.0
"""Seconds after which an unused sandbox is closed. AWS Lambda keeps its environments for five to fifteen minutes."""

SWEEP_SECONDS = 15.0

POOL_LIMIT = 8
"""Node.js processes of one version that are kept ready at most, 40 MB each: enough for all cores to start sessions."""

POOL_PATIENCE = 10.0
"""Seconds without a session that had to wait for its process before one fewer is kept ready."""

ATTEMPTS = 3
"""Processes tried for one session: a warm one may have died in the pool."""


class _Warm:
    """A sandbox with the processes that are kept ready in it. Python needs none: it forks when asked."""

    def __init__(self, sandbox: Sandbox, version: Version, pool_limit: int) -> None:
        self.sandbox = sandbox
        self._entry = version.entry
        self._limit = pool_limit if version.language is Language.JAVASCRIPT else 0
        self._wanted = min(1, self._limit)
        self._changed_at = time.monotonic()
        self._pool: deque[ScriptProcess] = deque()

    @property
    def idle(self) -> bool:
        """Whether no session runs in it."""
        return self.sandbox.running <= len(self._pool)

    async def take(self) -> ScriptProcess:
        """A process that is ready, and another one in its place."""
        failure = Trouble("no process could be started", where="sandbox")
        for _ in range(ATTEMPTS):
            process = self._pool.popleft() if self._pool else self._missed()
            self.fill()
            try:
                await process.ready()
            except Trouble as trouble:
                failure = trouble
            except asyncio.CancelledError:
                await process.kill("nobody waits for it any more")
                raise
            else:
                return process
        raise failure

    def _missed(self) -> ScriptProcess:
        self._wanted = min(self._wanted + 1, self._limit)
        self._changed_at = time.monotonic()
        return self.sandbox.spawn(self._entry)

    def fill(self) -> None:
        """Start what is missing in the pool."""
        while len(self._pool) < self._wanted:
            self._pool.append(self.sandbox.spawn(self._entry))

    async def shrink(self) -> None:
        """Keep one fewer when all that were asked for had been there for a while; drop those that died."""
        self._pool = deque(process for process in self._pool if process.alive)
        if self._wanted > 1 and time.monotonic() - self._changed_at > POOL_PATIENCE:
            self._wanted -= 1
            self._changed_at = time.monotonic()
        while len(self._pool) > self._wanted:
            await self._pool.pop().kill("not needed")


class Sandboxes:
    """All sandboxes of a worker. `async with`: entering asks the interpreters where they live, leaving ends every
    script. `capacity` sandboxes are kept (more while more are in use).

    Raises Refused on entering when an interpreter does not run.
    """

    def __init__(
        self,
        interpreters: Interpreters,
        limits: Limits,
        *,
        mode: Mode,
        outbound_socket: Path,
        ca_file: Path,
        capacity: int,
        idle_seconds: float = IDLE_SECONDS,
        pool_limit: int = POOL_LIMIT,
    ) -> None:
        self.mode: Mode = mode
        self._surroundings = Surroundings(interpreters, (), outbound_socket, ca_file, limits)
        self._capacity = capacity
        self._idle_seconds = idle_seconds
        self._pool_limit = pool_limit
        self._warm: OrderedDict[str, asyncio.Task[_Warm]] = OrderedDict()
        self._sweeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        given = self._surroundings
        roots = await roots_of(given.interpreters)
        self._surroundings = Surroundings(given.interpreters, roots, given.outbound_socket, given.ca_file, given.limits)
        self._sweeper = asyncio.create_task(self._sweep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        for key in list(self._warm):
            await self._close(key)

    async def open(self, version: Version, bundle: Path) -> ScriptProcess:
        """A process for one session of this version, ready to be started.

        Raises Trouble when there is none to be had, Refused when the machine cannot make sandboxes.
        """
        process = await (await self._sandbox_of(version, bundle)).take()
        await self._make_room()
        return process

    async def warm(self, version: Version, bundle: Path) -> None:
        """Make a version's sandbox before its first session asks for it. Raises as `open` does."""
        (await self._sandbox_of(version, bundle)).fill()

    async def _sandbox_of(self, version: Version, bundle: Path) -> _Warm:
        key = f"{version.digest}/{version.entry}"
        task = self._warm.get(key)
        if task is None or _spent(task):
            task = self._warm[key] = asyncio.create_task(self._start(version, bundle, task))
        self._warm.move_to_end(key)
        return await asyncio.shield(task)

    async def _start(self, version: Version, bundle: Path, before: "asyncio.Task[_Warm] | None") -> _Warm:
        if before is not None:
            await _close(before)
        sandbox = await start_sandbox(self._surroundings, version.language, bundle, mode=self.mode)
        return _Warm(sandbox, version, self._pool_limit)

    async def _make_room(self) -> None:
        for key, task in list(self._warm.items()):
            if len(self._warm) <= self._capacity:
                return
            if _spent(task) or (task.done() and task.result().idle):
                await self._close(key)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(SWEEP_SECONDS, self._idle_seconds))
            for key, task in list(self._warm.items()):
                if not task.done():
                    continue
                if _spent(task):
                    await self._close(key)
                    continue
                warm = task.result()
                if warm.idle and time.monotonic() - warm.sandbox.idle_since > self._idle_seconds:
                    await self._close(key)
                else:
                    await warm.shrink()

    async def _close(self, key: str) -> None:
        task = self._warm.pop(key, None)
        if task is not None:
            await _close(task)


def _spent(task: "asyncio.Task[_Warm]") -> bool:
    """Whether nothing can be had from it: the sandbox could not be started, or has ended."""
    return task.done() and (task.cancelled() or task.exception() is not None or not task.result().sandbox.alive)


async def _close(task: "asyncio.Task[_Warm]") -> None:
    task.cancel()
    (result,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(result, _Warm):
        await result.sandbox.close()


async def check_sandbox(interpreters: Interpreters, *, mode: Mode = "bubblewrap") -> None:
    """Start one real process in a real sandbox. Raises Refused with the reason and what to install or set."""
    with TemporaryDirectory(prefix="twinline-check-") as folder:
        bundle = Path(folder)
        os.chmod(bundle, 0o755)  # sessions run as users of their own
        version = Version(digest="check", entry="check.py", language=Language.PYTHON)
        sandboxes = Sandboxes(
            interpreters, Limits(), mode=mode, outbound_socket=bundle / "none", ca_file=bundle / "none", capacity=1
        )
        try:
            async with sandboxes:
                process = await sandboxes.open(version, bundle)
                await process.kill("it was only a check")
        except Trouble as trouble:
            raise Refused(
                f"scripts cannot be kept apart on this machine: {trouble.what}", where="sandbox", mend=_MEND
            ) from trouble


_MEND = (
    "run as root, or allow user namespaces: sysctl kernel.unprivileged_userns_clone=1 (Debian), "
    "sysctl kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), sysctl user.max_user_namespaces=15000; "
    "in a container, --cap-add SYS_ADMIN; --sandbox=none runs scripts unprotected"
)
