"""Release decisions: verdicts, gates, excuses, overrides, promotions, changelog entries.

Comes in: evidence from the store. Goes out: frozen structs; the release wing decides, the control plane keeps.
"""

from enum import IntEnum, StrEnum

import msgspec

from twinline.model.builds import Change, Cluster, Significance


class Verdict(IntEnum):
    """The ladder of britney2, from best to worst; the worst of all gates wins."""

    NOT_APPLICABLE = 0
    PASS = 1
    PASS_BY_OVERRIDE = 2
    WAIT = 3
    WAIT_FOR_ANOTHER = 4
    BLOCKED_BY_ANOTHER = 5
    NEEDS_APPROVAL = 6
    UNKNOWN = 7
    REJECTED = 8

    @property
    def label(self) -> str:
        """The verdict as people read it, such as `needs approval`."""
        return self.name.lower().replace("_", " ")


ALLOWS = frozenset({Verdict.NOT_APPLICABLE, Verdict.PASS, Verdict.PASS_BY_OVERRIDE})
"""Verdicts that let a build go on."""


class GateResult(msgspec.Struct, frozen=True):
    """One gate's verdict with one sentence for people; `who` can act, `data` is what it was decided from."""

    gate: str
    verdict: Verdict
    sentence: str
    who: str
    data: dict[str, object] = {}


class Excuse(msgspec.Struct, frozen=True):
    """Why a build is not in production yet, gate by gate. `due` (epoch seconds) is when it could be, if known."""

    build: int
    target: Cluster
    verdict: Verdict
    headline: str
    gates: tuple[GateResult, ...]
    due: float | None
    decided_at: float


class Override(msgspec.Struct, frozen=True):
    """A named person lets one build past one gate. Appended, never edited; never holds for another build."""

    build: int
    gate: str
    by: str
    reason: str
    at: float
    expires_at: float | None = None


class PromotionState(StrEnum):
    """A promotion runs until the last session on the old build has ended."""

    DRAINING = "draining"
    DONE = "done"
    ROLLED_BACK = "rolled-back"


class Promotion(msgspec.Struct, frozen=True):
    """A move of a cluster's pointer, with the ledger of the sessions that were in flight."""

    id: int
    cluster: Cluster
    from_build: int | None
    to_build: int
    kind: str
    state: PromotionState
    by: str
    at: float
    excuse: Excuse | None
    overrides: tuple[Override, ...]
    in_flight: tuple[str, ...]
    finished: dict[str, int]
    done_at: float | None = None


class ChangelogEntry(msgspec.Struct, frozen=True):
    """One announcement: a build published, put on a cluster, promoted, rolled back."""

    id: int
    kind: str
    build: int
    title: str
    text: str
    changes: tuple[Change, ...]
    significance: Significance
    at: float
