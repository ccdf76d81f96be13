"""The HTTP API's documents: what a client sends and what it gets, as msgspec structs.

Comes in: nothing. Goes out: the one schema language of the API, shared by the server and the client of it. Documents of
the model (builds, excuses, promotions, transcripts, rehearsal results) travel as they are.
"""

from enum import StrEnum

import msgspec

from twinline.model.applications import Carrier, Version
from twinline.model.builds import BuildState, Cluster, Significance
from twinline.model.rehearsal import ApplicationVerdict
from twinline.model.transcript import Outcome, Transcript


class Problem(msgspec.Struct, frozen=True):
    """Every error: what was wrong, where, and what would be right (RFC 9457's shape, with `where` and `mend`)."""

    title: str
    status: int
    detail: str
    where: str = ""
    mend: str = ""


class JobState(StrEnum):
    """Where a long piece of work stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(msgspec.Struct, frozen=True):
    """Work that takes longer than a request: `step` of `steps` done, `text` says what is being done; `result` names
    what came of it (a build's number, a rehearsal's identifier)."""

    id: str
    kind: str
    state: JobState
    step: int
    steps: int
    text: str
    result: str = ""
    problem: Problem | None = None


class BuildRequest(msgspec.Struct, frozen=True):
    """A manifest's text (TOML) and the runtime wheel's path on the platform's machine (empty: the platform's own)."""

    manifest: str
    wheel: str = ""


class PlaceBuild(msgspec.Struct, frozen=True):
    """Put a build on a cluster."""

    build: int


class NewApplication(msgspec.Struct, frozen=True):
    """An application to be made."""

    name: str
    mode: Cluster


class NewAddress(msgspec.Struct, frozen=True):
    """An address for an application, with the carrier that brings its messages and takes its replies."""

    address: str
    carrier: Carrier


class ApplicationView(msgspec.Struct, frozen=True):
    """An application as people see it."""

    name: str
    mode: Cluster
    live: Version | None
    twin_of: str | None
    addresses: tuple[str, ...]
    deployed_at: float | None


class TwinRequest(msgspec.Struct, frozen=True):
    """A twin of a production application, reached at its own address (the production carrier unless one is given)."""

    address: str
    carrier: Carrier | None = None


class SessionView(msgspec.Struct, frozen=True):
    """A stored session, without its transcript. `outcome` None: it still runs."""

    id: str
    application: str
    mode: Cluster
    version: str
    build: int
    address: str
    caller: str
    started_at: float
    outcome: Outcome | None
    turns: int


class SessionDetail(msgspec.Struct, frozen=True):
    """A stored session with everything that happened in it."""

    session: SessionView
    transcript: Transcript


class ClusterView(msgspec.Struct, frozen=True):
    """A cluster with its workers' state."""

    cluster: Cluster
    current: int | None
    states: dict[int, BuildState]
    workers: tuple[str, ...]
    sessions: int


class Status(msgspec.Struct, frozen=True):
    """The platform at a glance."""

    version: str
    clusters: tuple[ClusterView, ...]
    applications: int
    stored_sessions: int


class RehearsalRequest(msgspec.Struct, frozen=True):
    """Rehearse production on `candidate`; `baseline` is production's build unless given; `applications` empty: all."""

    candidate: int
    baseline: int | None = None
    applications: tuple[str, ...] = ()


class RehearsalView(msgspec.Struct, frozen=True):
    """A rehearsal in a list: where it stands and, once done, each application's verdict. `id` is also its job's."""

    id: str
    baseline: int
    candidate: int
    state: JobState
    started_at: float
    finished_at: float | None
    verdicts: dict[str, ApplicationVerdict]


class OverrideRequest(msgspec.Struct, frozen=True):
    """A gate to be let past, with the reason that the record will show."""

    gate: str
    reason: str


class PromotionRequest(msgspec.Struct, frozen=True):
    """Move production to a build."""

    build: int
    overrides: tuple[OverrideRequest, ...] = ()


class RollbackRequest(msgspec.Struct, frozen=True):
    """Move production back to the build before."""

    reason: str


class SignificanceRequest(msgspec.Struct, frozen=True):
    """Raise a build's significance. Lowering is refused."""

    significance: Significance


class KeyRequest(msgspec.Struct, frozen=True):
    """A new API key for a named person or program."""

    name: str


class Key(msgspec.Struct, frozen=True):
    """An API key. `secret` is shown once, when the key is made, and kept only as a hash."""

    id: int
    name: str
    created_at: float
    secret: str = ""
