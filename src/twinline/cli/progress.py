"""Following a long piece of work: how far it is, how fast it goes, how long it will take.

Comes in: a job. Goes out: a progress bar on standard error, and the job when it is done.
"""

import time
from typing import TYPE_CHECKING

from twinline.cli.output import errors, plain
from twinline.control.schema import Job

if TYPE_CHECKING:
    from twinline.control.client import Client


def follow(api: "Client", job: Job) -> Job:
    """Wait for a job, showing how far it is, the rate and the time left. Raises the job's own error."""
    # Two commands show a bar; the others start sooner without it.
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(),
    )
    started = time.monotonic()
    with Progress(*columns, console=errors, transient=True) as progress:
        bar = progress.add_task(job.kind, total=None, rate="")

        def advance(now: Job) -> None:
            rate = f"{now.step / (time.monotonic() - started):.1f}/s" if now.step else ""
            text = plain(now.text).plain
            progress.update(bar, description=text, completed=now.step, total=now.steps or None, rate=rate)

        return api.wait(job, progress=advance)
