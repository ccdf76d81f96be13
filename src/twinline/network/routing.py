"""Where an inbound entry goes: the dispatcher's decisions, without I/O.

Comes in: what stands for a conversation and the next entry of the inbound stream. Goes out: the one step to take.

Why order holds and nothing is lost or taken twice
--------------------------------------------------
The inbound stream is one total order of messages and closings, and the dispatcher is its only reader. Let `applied` of
a conversation be the sequence of the last entry that its record takes account of.

1. *One entry at a time.* Of one conversation, an entry is handled only when every effect of the one before it is on
   the bus. So a record with `applied = n` proves that all effects of earlier entries were made; only those of `n` may
   be missing. Entries before `n` are skipped when they are read again, and the effects of `n` are made again from the
   record: same session, same worker, same names, so the bus or the worker drops what it has.
2. *The record comes before the start.* The worker and version of a session are chosen once and written down before the
   start is published. A reader that comes back later finds the choice and cannot make another, though the cluster's
   pointer has moved. A further message only adds to a record that stands, so writing and publishing it may overlap.
3. *A closing outlives its record.* When a conversation closes, its record becomes a marker that still holds `applied`,
   so that its messages, read again after a crash, do not start the session a second time. Markers expire long after
   the cursor has passed them.
4. *No race with a session that ends.* A session says which message it took last, and takes none after. That closing has
   a place in the same order as the messages. Whatever was forwarded to the session and not taken stands in the record,
   and is older than anything that follows the closing; so it goes first, to one new session, in order.
5. *It ends.* The message that starts a session counts as taken by it, whatever the session says. So every new session
   uses up one message, and a message that kills sessions kills one.
"""

import hashlib

import msgspec

from twinline.bus import names
from twinline.model.applications import Version
from twinline.model.builds import Cluster
from twinline.model.messages import (
    ConversationClosed,
    DeliverMessage,
    Inbound,
    InboundMessage,
    Route,
    StartSession,
    WorkItem,
)


class Standing(msgspec.Struct, frozen=True):
    """What stands for a conversation: its open route, or (route None) the marker of one that closed."""

    applied: int
    route: Route | None = None


class Target(msgspec.Struct, frozen=True):
    """What a new session is pinned to."""

    application: str
    mode: Cluster
    version: Version
    build: int
    worker: str


class Skip(msgspec.Struct, frozen=True):
    """Nothing is to be done: it was done before, or it is no longer of interest."""


class Send(msgspec.Struct, frozen=True):
    """Publish the messages at `sequences` to the route's session; the route is written if it `changed`."""

    route: Route
    sequences: tuple[int, ...]
    changed: bool

    @property
    def starts(self) -> bool:
        """Whether the first of the messages starts the session."""
        return self.sequences[0] == self.route.forwarded[0]


class Begin(msgspec.Struct, frozen=True):
    """Choose a target for a new session that gets the messages at `sequences`, then `open_route`."""

    sequences: tuple[int, ...]


class Close(msgspec.Struct, frozen=True):
    """Replace the route by a marker."""


Step = Skip | Send | Begin | Close


def decide(standing: Standing | None, sequence: int, entry: Inbound) -> Step:
    """The step for the entry at `sequence`."""
    if standing is not None and sequence <= standing.applied:
        return _again(standing, sequence, entry)
    route = standing.route if standing is not None else None
    if isinstance(entry, ConversationClosed):
        if route is None or route.session != entry.session:
            return Skip()
        left = tuple(one for one in route.forwarded[1:] if one > entry.consumed)
        return Begin(left) if left else Close()
    if route is None:
        return Begin((sequence,))
    further = msgspec.structs.replace(route, forwarded=(*route.forwarded, sequence), applied=sequence)
    return Send(further, (sequence,), changed=True)


def _again(standing: Standing, sequence: int, entry: Inbound) -> Step:
    """The step for an entry that the record already takes account of."""
    if standing.route is None or sequence < standing.applied:
        return Skip()
    repeated = (sequence,) if isinstance(entry, InboundMessage) else standing.route.forwarded
    return Send(standing.route, repeated, changed=False)


def open_route(conversation: str, sequence: int, sequences: tuple[int, ...], target: Target) -> Send:
    """The new session that the entry at `sequence` leads to, with the messages it gets.

    Its identifier is made from the message that starts it: a message starts one session at most.
    """
    route = Route(
        conversation=conversation,
        session=session_id(conversation, sequences[0]),
        worker=target.worker,
        build=target.build,
        application=target.application,
        forwarded=sequences,
        mode=target.mode,
        version=target.version,
        applied=sequence,
    )
    return Send(route, sequences, changed=True)


def session_id(conversation: str, sequence: int) -> str:
    """The identifier of the session that the message at `sequence` starts."""
    return hashlib.sha256(f"{conversation}\n{sequence}".encode()).hexdigest()[:32]


def work_item(route: Route, sequence: int, message: InboundMessage) -> tuple[str, WorkItem]:
    """What the session's worker is told of a message, and the name under which the bus takes it once.

    The name holds the session: a message that one session did not take is delivered to the next one too.
    """
    if sequence != route.forwarded[0]:
        further = DeliverMessage(session=route.session, text=message.text, message=message.id, sequence=sequence)
        return f"deliver:{route.session}:{sequence}", further
    if route.version is None:
        raise ValueError(f"route of conversation {route.conversation} names no version")
    start = StartSession(
        session=route.session,
        conversation=route.conversation,
        application=route.application,
        mode=route.mode,
        version=route.version,
        address=message.address,
        caller=message.sender,
        network=message.network,
        text=message.text,
        message=message.id,
        sequence=sequence,
    )
    return f"start:{route.session}", start


def conversation_of(entry: Inbound) -> str:
    """The conversation that an entry belongs to."""
    if isinstance(entry, ConversationClosed):
        return entry.conversation
    return names.conversation_of(entry.address, entry.sender)
