"""Where entries go: the rules one by one, then all of them together against a model world with crashes."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from twinline.model.applications import Language, Version
from twinline.model.builds import Cluster
from twinline.model.messages import ConversationClosed, Inbound, InboundMessage, StartSession, WorkItem
from twinline.network.routing import (
    Begin,
    Close,
    Send,
    Skip,
    Standing,
    Target,
    decide,
    open_route,
    session_id,
    work_item,
)

TARGET = Target("shop", Cluster.PRODUCTION, Version("d" * 64, "main.py", Language.PYTHON), 1, "production-1-0")
TALK = "c" * 32


def message(number: int = 0) -> InboundMessage:
    return InboundMessage(f"m{number}", "+1", "+2", f"text {number}", "SMS", f"{number}", 0.0)


def opened(*forwarded: int, applied: int | None = None) -> Standing:
    route = open_route(TALK, forwarded[0], forwarded[:1], TARGET).route
    route = msgspec.structs.replace(route, forwarded=forwarded, applied=applied or forwarded[-1])
    return Standing(route.applied, route)


def closing(standing: Standing, consumed: int) -> ConversationClosed:
    assert standing.route
    return ConversationClosed(TALK, standing.route.session, consumed)


def test_the_first_message_begins_a_session() -> None:
    assert decide(None, 1, message()) == Begin((1,))


def test_a_further_message_goes_to_the_open_session_and_is_written_down() -> None:
    step = decide(opened(1), 2, message())
    assert isinstance(step, Send)
    assert (step.route.forwarded, step.route.applied) == ((1, 2), 2)
    assert (step.sequences, step.changed, step.starts) == ((2,), True, False)


def test_a_closing_of_a_session_that_took_everything_closes_the_conversation() -> None:
    standing = opened(1, 2)
    assert decide(standing, 3, closing(standing, 2)) == Close()


def test_what_a_session_did_not_take_begins_the_next_one() -> None:
    standing = opened(1, 2, 3)
    assert decide(standing, 4, closing(standing, 1)) == Begin((2, 3))


def test_the_message_that_starts_a_session_counts_as_taken_by_it() -> None:
    standing = opened(1)
    assert decide(standing, 2, closing(standing, 0)) == Close()


def test_a_closing_of_another_session_changes_nothing() -> None:
    assert decide(opened(5), 6, ConversationClosed(TALK, session_id(TALK, 1), 4)) == Skip()


def test_an_entry_read_again_after_later_ones_is_skipped() -> None:
    assert decide(opened(1, 2), 1, message()) == Skip()


def test_the_last_entry_read_again_is_sent_again_without_a_change() -> None:
    standing = opened(1, 2)
    assert standing.route
    assert decide(standing, 2, message()) == Send(standing.route, (2,), changed=False)


def test_a_closing_read_again_sends_all_that_it_led_to() -> None:
    standing = opened(2, 3, applied=4)
    assert standing.route
    step = decide(standing, 4, ConversationClosed(TALK, session_id(TALK, 1), 1))
    assert step == Send(standing.route, (2, 3), changed=False)
    assert isinstance(step, Send)
    assert step.starts


def test_entries_of_a_closed_conversation_are_skipped_when_read_again() -> None:
    assert decide(Standing(applied=3), 1, message()) == Skip()
    assert decide(Standing(applied=3), 4, message()) == Begin((4,))


def test_a_message_is_named_by_its_session_so_that_the_next_session_gets_it_too() -> None:
    first, second = opened(1, 3).route, opened(2, 3).route
    assert first
    assert second
    assert work_item(first, 3, message())[0] != work_item(second, 3, message())[0]


@dataclass
class Session:
    """A worker's session: `arrived` was handed to it, `taken` it has read."""

    arrived: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    closed: bool = False


@dataclass
class World:
    """One conversation with everything around the dispatcher. Only what is durable outlives a crash.

    A forgetful bus drops no repetition, as after a restart of the server: then the workers alone must recognise them.
    """

    forgetful_bus: bool
    stream: list[Inbound] = field(default_factory=list)
    records: dict[str, Standing] = field(default_factory=dict)
    build: int = 1
    queues: dict[str, list[WorkItem]] = field(default_factory=lambda: defaultdict(list))
    names: set[str] = field(default_factory=set)
    cursor: int = 0
    sessions: dict[tuple[str, str], Session] = field(default_factory=dict)
    standing: Standing | None = None
    position: int = 0

    def arrive(self) -> None:
        self.stream.append(message(len(self.stream) + 1))

    def restart(self) -> None:
        """The dispatcher comes back: all it knows are the records and the cursor."""
        self.position = self.cursor
        self.standing = self.records.get(TALK)

    def save_cursor(self) -> None:
        self.cursor = self.position

    def dispatch(self) -> None:
        """Handle the next entry."""
        if self.position < len(self.stream):
            for effect in self.effects(self.position + 1):
                effect()
            self.standing = self.records.get(TALK)
            self.position += 1

    def crash(self, after: int) -> None:
        """Die when only so many effects of the next entry have been made."""
        if self.position < len(self.stream):
            for effect in self.effects(self.position + 1)[:after]:
                effect()
        self.restart()

    def effects(self, sequence: int) -> list[Callable[[], None]]:
        entry = self.stream[sequence - 1]
        step = decide(self.standing, sequence, entry)
        if isinstance(step, Begin):
            target = msgspec.structs.replace(TARGET, build=self.build, worker=f"production-{self.build}-0")
            step = open_route(TALK, sequence, step.sequences, target)
        if isinstance(step, Skip):
            return []
        if isinstance(step, Close):
            return [lambda: self.write(Standing(applied=sequence))]
        send = step
        published = [self.publish(send, one) for one in send.sequences]
        written = [lambda: self.write(Standing(send.route.applied, send.route))] if send.changed else []
        # A further message may reach the bus before the record that names it does: they are written side by side.
        return [*written, *published] if send.starts or sequence % 2 else [*published, *written]

    def write(self, standing: Standing) -> None:
        self.records[TALK] = standing

    def publish(self, send: Send, sequence: int) -> Callable[[], None]:
        original = self.stream[sequence - 1]
        assert isinstance(original, InboundMessage)
        once, item = work_item(send.route, sequence, original)

        def effect() -> None:
            if self.forgetful_bus or once not in self.names:
                self.names.add(once)
                self.queues[send.route.worker].append(item)

        return effect

    def promote(self) -> None:
        """The cluster's pointer moves: new sessions belong to another worker."""
        self.build += 1

    def work(self) -> None:
        """A worker takes one item from its queue. It knows what it had: that is its part of the contract."""
        for worker, queue in self.queues.items():
            if queue:
                self.take(worker, queue.pop(0))
                return

    def take(self, worker: str, item: WorkItem) -> None:
        session = self.sessions.get((worker, item.session))
        if isinstance(item, StartSession) and session is None:
            self.sessions[worker, item.session] = Session(arrived=[item.sequence], taken=[item.sequence])
            return
        assert session is not None, "a message came to a worker that does not have its session"
        if item.sequence in session.arrived:
            assert self.forgetful_bus, "the same work came twice"
            return
        session.arrived.append(item.sequence)

    def waiting(self) -> list[tuple[Session, int]]:
        """Messages handed to open sessions and not read yet, oldest first."""
        open_sessions = [session for session in self.sessions.values() if not session.closed]
        return [(session, one) for session in open_sessions for one in session.arrived if one not in session.taken]

    def read(self) -> None:
        """A script's `ask` takes the next message that waits for its session."""
        for session, one in self.waiting()[:1]:
            session.taken.append(one)

    def close(self) -> None:
        for (_, identifier), session in self.sessions.items():
            if not session.closed:
                session.closed = True
                self.stream.append(ConversationClosed(TALK, identifier, session.taken[-1]))
                return

    def settle(self) -> None:
        """Let everything run until nothing moves."""
        while self.position < len(self.stream) or any(self.queues.values()) or self.waiting():
            self.dispatch()
            self.work()
            self.read()


_moves = st.one_of(
    st.just("arrive"),
    st.just("dispatch"),
    st.just("dispatch"),
    st.tuples(st.just("crash"), st.integers(0, 3)),
    st.just("save_cursor"),
    st.just("work"),
    st.just("read"),
    st.just("close"),
    st.just("promote"),
)


@settings(max_examples=700, deadline=None)
@given(moves=st.lists(_moves, min_size=20, max_size=60), forgetful_bus=st.booleans())
def test_every_message_is_taken_once_and_in_order_whatever_happens_when(
    moves: list[str | tuple[str, int]], forgetful_bus: bool
) -> None:
    world = World(forgetful_bus)
    for move in moves:
        match move:
            case "arrive":
                world.arrive()
            case "dispatch":
                world.dispatch()
            case ("crash", int(effects)):
                world.crash(effects)
            case "save_cursor":
                world.save_cursor()
            case "work":
                world.work()
            case "read":
                world.read()
            case "close":
                world.close()
            case "promote":
                world.promote()
    world.settle()
    taken = [one for session in world.sessions.values() for one in session.taken]
    sent = [number for number, entry in enumerate(world.stream, 1) if isinstance(entry, InboundMessage)]
    assert taken == sent
    assert sum(1 for session in world.sessions.values() if not session.closed) <= 1
