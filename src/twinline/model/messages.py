"""What travels on the bus. Every message carries `v`, its version; readers accept this one and the one before.

Comes in: messages from carriers, decisions of the dispatcher, events of sessions. Goes out: frozen structs in JSON.
"""

import msgspec

from twinline.model.applications import Version
from twinline.model.builds import Cluster
from twinline.model.transcript import Event, Transcript

TEXT_LIMIT = 10_000
"""Characters of one message. A concatenated SMS has at most 255 parts of 153; carriers stop at 1,600 (Twilio)."""


class InboundMessage(msgspec.Struct, frozen=True, tag_field="type", tag="inbound"):
    """A message a carrier handed over. `id` is derived from the carrier's, so a repetition is the same message."""

    id: str
    address: str
    sender: str
    text: str
    network: str
    carrier_id: str
    received_at: float
    v: int = 1


class ConversationClosed(msgspec.Struct, frozen=True, tag_field="type", tag="closed"):
    """A session ended. `consumed` is the inbound sequence of the last message it took; it had none of the later."""

    conversation: str
    session: str
    consumed: int
    v: int = 1


Inbound = InboundMessage | ConversationClosed
"""What the dispatcher reads from the inbound stream, in order."""


class StartSession(msgspec.Struct, frozen=True, tag_field="type", tag="start"):
    """Run a session: pinned to `version` and to the build of the worker it is addressed to.

    `sequence` is the place of the message that starts it in the inbound stream.
    """

    session: str
    conversation: str
    application: str
    mode: Cluster
    version: Version
    address: str
    caller: str
    network: str
    text: str
    message: str
    sequence: int
    parameters: dict[str, str] = {}
    v: int = 1


class DeliverMessage(msgspec.Struct, frozen=True, tag_field="type", tag="deliver"):
    """A further message for a session that runs."""

    session: str
    text: str
    message: str
    sequence: int
    v: int = 1


WorkItem = StartSession | DeliverMessage
"""What a worker reads from its own queue, in order."""


class OutboundMessage(msgspec.Struct, frozen=True):
    """A reply or message on its way to a carrier. `id` is what the carrier deduplicates by."""

    id: str
    session: str
    application: str
    address: str
    sender: str
    recipient: str
    text: str
    network: str
    v: int = 1


class TranscriptChunk(msgspec.Struct, frozen=True):
    """Events of a session from index `first` on. `final`: the session ended with them.

    `start` is what the session was started with, so that another process can rebuild it.
    """

    session: str
    first: int
    events: tuple[Event, ...]
    final: bool
    start: StartSession
    v: int = 1


class Route(msgspec.Struct, frozen=True):
    """The dispatcher's record of an open conversation: who has it, and what was forwarded but not yet consumed.

    `applied` is the inbound sequence of the last entry this record takes account of; `mode` and `version` are what the
    session is pinned to.
    """

    conversation: str
    session: str
    worker: str
    build: int
    application: str
    forwarded: tuple[int, ...]
    v: int = 1
    mode: Cluster = Cluster.PRODUCTION
    version: Version | None = None
    applied: int = 0


class Undeliverable(msgspec.Struct, frozen=True):
    """A message that was given up, kept so that a person can see why. `body` is its JSON as it stood on the bus.

    `direction` is `inbound` or `outbound`, `sequence` its place in that stream; `at` is seconds since the epoch.
    """

    direction: str
    sequence: int
    reason: str
    body: str
    at: float
    v: int = 1


class OpenSession(msgspec.Struct, frozen=True):
    """A session that waits for something, and the worker that has it: what a restarted worker takes up again."""

    session: str
    worker: str
    v: int = 1


class WorkerStatus(msgspec.Struct, frozen=True):
    """A worker's heartbeat. `role` is `live` or `rehearsal`; times are seconds since the epoch."""

    name: str
    cluster: Cluster
    build: int
    role: str
    sessions: int
    pid: int
    at: float
    v: int = 1


class LaneJob(msgspec.Struct, frozen=True):
    """Run one unit in one lane: the recorded transcript with the version to run it on."""

    rehearsal: str
    unit: str
    lane: str
    attempt: int
    version: Version
    recorded: Transcript
    v: int = 1


class LaneResult(msgspec.Struct, frozen=True):
    """What came of a lane-run. `trouble` says why it could not be run; `broken`: because of the version itself, which
    could not be set up, and not for want of anything that may come back (a spurious failure).
    """

    rehearsal: str
    unit: str
    lane: str
    attempt: int
    build: int
    transcript: Transcript
    trouble: str = ""
    v: int = 1
    broken: bool = False


class RehearsalDemand(msgspec.Struct, frozen=True):
    """Published state while a rehearsal runs: workers of `build` are wanted for it. Its key is the build's number."""

    build: int
    rehearsal: str
    v: int = 1
