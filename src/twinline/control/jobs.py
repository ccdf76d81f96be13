"""Work that takes longer than a request: started by one, followed by others, never forgotten.

Comes in: a coroutine that reports its steps. Goes out: a `Job` that anybody can look at. Steps are kept in memory,
beginning and end in the store; what a restart interrupts is marked so at the next start.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from twinline.bus import end
from twinline.control.problems import problem_of
from twinline.control.schema import Job, JobState
from twinline.control.store import Store, jobs
from twinline.model.errors import TwinlineError

Report = Callable[[int, int, str], None]
"""Say that `step` of `steps` are done and what is being done now. May be called from any thread."""

log = structlog.get_logger()


class Jobs:
    """The jobs of one process. `async with`: leaving it interrupts those that run."""

    def __init__(self, store: Store) -> None:
        """Jobs are kept in `store`."""
        self._store = store
        self._running: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Jobs":
        """Mark what an earlier process left unfinished."""
        await self._store.write(jobs.fail_running)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Interrupt what runs and wait until it has let go."""
        await end(self._tasks.copy())

    async def start(self, kind: str, text: str, work: Callable[[Report], Awaitable[str]], *, name: str = "") -> Job:
        """Begin `work`, which returns the job's result. `name` is the job's identifier, a fresh one unless given."""
        job = Job(name or secrets.token_hex(8), kind, JobState.RUNNING, 0, 0, text)
        await self._store.write(lambda transaction: jobs.put(transaction, job))
        self._running[job.id] = job
        task = asyncio.create_task(self._run(job.id, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    async def get(self, name: str) -> Job:
        """Where a job stands now. Raises NotFound."""
        if name in self._running:
            return self._running[name]
        return await self._store.read(lambda transaction: jobs.get(transaction, name))

    async def _run(self, name: str, work: Callable[[Report], Awaitable[str]]) -> None:
        def report(step: int, steps: int, text: str) -> None:
            self._change(name, step=step, steps=steps, text=text)

        try:
            result = await work(report)
        except TwinlineError as error:
            log.warning("job.failed", job=name, error=str(error))
            self._change(name, state=JobState.FAILED, text="failed", problem=problem_of(error))
        except Exception as error:
            log.exception("job.broken", job=name)
            self._change(name, state=JobState.FAILED, text="failed", problem=problem_of(error))
        else:
            job = self._running[name]
            self._change(name, state=JobState.DONE, step=job.steps, text="done", result=result)
        job = self._running[name]
        try:
            await self._store.write(lambda transaction: jobs.put(transaction, job))
        except TwinlineError as error:
            # It stays in memory as it is; after a restart it counts as interrupted.
            log.error("job.not_stored", job=name, error=str(error))
            return
        del self._running[name]

    def _change(self, name: str, **changes: object) -> None:
        self._running[name] = msgspec.structs.replace(self._running[name], **changes)
