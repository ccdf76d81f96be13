"""Lane-runs: a recorded session played again on this build.

Comes in: a lane job with the recorded transcript and the version to run. Goes out: the lane's own transcript. The
caller is a recording, time is virtual, the outside answers from the cassette, and nothing leaves.
"""

from collections.abc import Sequence

import msgspec

from twinline.model.errors import Mistake, TwinlineError
from twinline.model.messages import LaneJob, LaneResult
from twinline.model.transcript import Event, MessageReceived, SessionStarted
from twinline.runtime.outbound import Recorded
from twinline.runtime.parts import WorkerParts, cassette_of
from twinline.runtime.session import RecordedLine, Session, VirtualClock

LANE_TIME_LIMIT = 60.0
"""Seconds of real time for one lane-run: waiting costs none, so this is computing only."""


async def run_lane(parts: WorkerParts, job: LaneJob, name: str) -> LaneResult:
    """Run one lane. `name` tells this run apart from others that use the outbound proxy at the same time."""
    started = _facts(job.recorded, parts, job.version.digest)
    clock = VirtualClock()
    session = Session(
        started,
        RecordedLine(job.recorded, clock),
        clock,
        checkpoint=_nothing,
        line_over=_nothing,
        time_limit=LANE_TIME_LIMIT,
        rehearsal=True,
    )
    if started.initial_text is not None:
        session.record(MessageReceived(at=0.0, text=started.initial_text, message="recorded"))
    cassette = cassette_of(job.version, job.recorded)
    credentials = parts.proxy.register(name, Recorded(cassette, session.exchange))
    try:
        script = await parts.script(job.version, session)
        await session.run(script, credentials)
    except TwinlineError as error:
        return _result(job, parts, session.events, trouble=str(error), broken=isinstance(error, Mistake))
    finally:
        parts.proxy.unregister(name)
    return _result(job, parts, session.events)


def _facts(recorded: Sequence[Event], parts: WorkerParts, version: str) -> SessionStarted:
    started = recorded[0]
    if not isinstance(started, SessionStarted):
        raise ValueError("a transcript begins with session.started")
    return msgspec.structs.replace(started, build=parts.build, components=parts.components, version=version)


def _result(
    job: LaneJob, parts: WorkerParts, events: Sequence[Event], trouble: str = "", broken: bool = False
) -> LaneResult:
    return LaneResult(
        rehearsal=job.rehearsal,
        unit=job.unit,
        lane=job.lane,
        attempt=job.attempt,
        build=parts.build,
        transcript=tuple(events),
        trouble=trouble,
        broken=broken,
    )


async def _nothing(_session: Session) -> None:
    """A rehearsed session has nobody to tell and nothing to keep."""
