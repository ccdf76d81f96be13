"""Rehearsals: lanes, classes of a unit, verdicts of an application, the result document.

Comes in: lane transcripts. Goes out: one frozen result from which every report is made.
"""

from enum import StrEnum

import msgspec

from twinline.model.transcript import Event


class Lane(StrEnum):
    """One run of a unit: the production build, the same again (the noise), the candidate."""

    BASELINE = "baseline"
    CONTROL = "control"
    CANDIDATE = "candidate"


class UnitClass(StrEnum):
    """What came of one unit over its three lanes."""

    SAME = "same"
    SAME_FAILURE = "same failure"
    REGRESSED = "regressed"
    FIXED = "fixed"
    CHANGED = "changed"
    NOISY = "noisy"
    SPURIOUS = "spurious"
    BROKEN = "broken"
    PENDING = "pending"
    UNDETERMINED = "undetermined"
    SKIPPED = "skipped"
    ERROR = "error"


class ApplicationVerdict(StrEnum):
    """What can be said of one application."""

    UNCHANGED = "unchanged"
    REGRESSED = "regressed"
    UNDETERMINED = "undetermined"


class Divergence(msgspec.Struct, frozen=True):
    """Where two lanes first differ: the caller's turn (from 1), both events, and the script's line if it threw."""

    turn: int
    field: str
    left: Event | None
    right: Event | None
    file: str = ""
    line: int = 0
    sentence: str = ""


class LaneExcerpt(msgspec.Struct, frozen=True):
    """What one lane did from the divergence on, and how it ended."""

    lane: Lane
    build: int
    ended: str
    events: tuple[Event, ...]


class Cause(msgspec.Struct, frozen=True):
    """What sessions that regressed for the same reason have in common.

    `component` is what changed in the build and could matter to them, such as `javascript 22.20.0 → 24.19.0`; `error`
    what the candidate threw, without its numbers; `kind` and `field` say at which kind of event it first differs and in
    what.
    """

    component: str
    error: str
    kind: str
    field: str


class UnitResult(msgspec.Struct, frozen=True):
    """One session rehearsed. `trail` is the caller's and application's words up to the divergence, for people.

    `lanes` shows the three lanes at the divergence; it is empty when there is none. `odd` names, for each attempt that
    had one, the lane that alone was worse than the two others; `crashed`: the platform failed on the candidate alone.
    """

    unit: str
    attempts: int
    verdict: UnitClass
    reason: str
    divergence: Divergence | None = None
    trail: tuple[str, ...] = ()
    lanes: tuple[LaneExcerpt, ...] = ()
    odd: tuple[Lane, ...] = ()
    cause: Cause | None = None
    crashed: bool = False


class ApplicationResult(msgspec.Struct, frozen=True):
    """One application's verdict. `bound` is the share of sessions that may still differ, at 95 % (None: not judged).

    `undetermined` is the share of its sessions that could not be judged; `log_e` the logarithm of the e-value against
    "the candidate is no worse".
    """

    application: str
    version: str
    verdict: ApplicationVerdict
    sentence: str
    compared: int
    bound: float | None
    units: tuple[UnitResult, ...]
    undetermined: float = 0.0
    log_e: float = 0.0


class CauseGroup(msgspec.Struct, frozen=True):
    """Regressions of one cause: a sentence, and the sessions of each application that has them."""

    cause: Cause
    sentence: str
    applications: dict[str, tuple[str, ...]]


class RehearsalResult(msgspec.Struct, frozen=True):
    """The one result; terminal view and HTML are made from it. Times are seconds since the epoch."""

    rehearsal: str
    baseline: int
    candidate: int
    started_at: float
    finished_at: float
    lane_runs: int
    applications: tuple[ApplicationResult, ...]
    left_out: int = 0
    format: int = 1
    groups: tuple[CauseGroup, ...] = ()
