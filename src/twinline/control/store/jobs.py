"""Jobs in the store: written when they start and when they end, so that an interrupted one is known as such.

Comes in: a transaction and jobs. Goes out: jobs.
"""

import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from twinline.control.schema import Job, JobState, Problem
from twinline.control.store.tables import JobRow
from twinline.model.errors import NotFound


def put(transaction: Session, job: Job) -> None:
    """Write a job as it stands."""
    row = transaction.get(JobRow, job.id)
    if row is None:
        row = JobRow(id=job.id, kind=job.kind, started_at=time.time())
        transaction.add(row)
    row.state, row.step, row.steps, row.text = job.state, job.step, job.steps, job.text
    row.result, row.problem = job.result, job.problem


def get(transaction: Session, name: str) -> Job:
    """One job. Raises NotFound."""
    row = transaction.get(JobRow, name)
    if row is None:
        raise NotFound("there is no such job", where=f"job {name}")
    return Job(row.id, row.kind, row.state, row.step, row.steps, row.text, row.result, row.problem)


def fail_running(transaction: Session) -> None:
    """What ran when the process ended will not come to an end."""
    for row in transaction.scalars(select(JobRow).where(JobRow.state == JobState.RUNNING)):
        row.state = JobState.FAILED
        row.text = "interrupted by a restart of the control plane"
        row.problem = Problem(
            "Interrupted", 503, "The control plane was restarted while this ran.", f"job {row.id}", "start it again"
        )
