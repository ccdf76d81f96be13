"""Sessions and their transcripts in the store.

Comes in: a transaction and chunks of transcripts as they arrive, in any order and more than once. Goes out: sessions
for people, whole transcripts for rehearsals. A chunk is known by its session and the index of its first event.
"""

from collections.abc import Collection, Iterable

import msgspec
from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.orm import Session

from twinline.control.schema import SessionDetail, SessionView
from twinline.control.store.tables import ChunkRow, SessionRow
from twinline.model.builds import Cluster
from twinline.model.errors import NotFound
from twinline.model.messages import TranscriptChunk
from twinline.model.transcript import Event, MessageReceived, Outcome, SessionEnded, SessionStarted, Transcript

LOOKUP = 500
"""Names in one query. SQLite takes 32,766 variables, PostgreSQL 65,535; plans get slow long before."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(tuple[Event, ...])


class _Changes(msgspec.Struct):
    """What a batch of chunks says of one session."""

    turns: int = 0
    started: SessionStarted | None = None
    outcome: Outcome | None = None


def keep(transaction: Session, chunks: Iterable[TranscriptChunk]) -> int:
    """Store the chunks that are new and bring their sessions up to date; returns how many were new."""
    arrived = {(chunk.session, chunk.first): chunk for chunk in chunks}
    names = {session for session, _ in arrived}
    known = set[tuple[str, int]]()
    rows = dict[str, Row[str, int]]()
    for part in _parts(names):
        known.update(
            (session, first)
            for session, first in transaction.execute(
                select(ChunkRow.session, ChunkRow.first).where(ChunkRow.session.in_(part))
            )
        )
        rows.update(
            (row[0], row)
            for row in transaction.execute(select(SessionRow.id, SessionRow.turns).where(SessionRow.id.in_(part)))
        )
    new = [chunk for key, chunk in arrived.items() if key not in known]
    if not new:
        return 0
    transaction.execute(
        insert(ChunkRow),
        [{"session": chunk.session, "first": chunk.first, "events": _encoder.encode(chunk.events)} for chunk in new],
    )
    changes = dict[str, _Changes]()
    for chunk in new:
        changes.setdefault(chunk.session, _Changes())
        _note(changes[chunk.session], chunk.events)
    starts = {chunk.session: chunk.start for chunk in new}
    unseen = [
        {
            "id": name,
            "application": starts[name].application,
            "mode": starts[name].mode,
            "version": starts[name].version.digest,
            "address": starts[name].address,
            "caller": starts[name].caller,
            "build": change.started and change.started.build,
            "started_at": change.started and change.started.started_at,
            "outcome": change.outcome,
            "turns": change.turns,
        }
        for name, change in changes.items()
        if name not in rows
    ]
    if unseen:
        transaction.execute(insert(SessionRow), unseen)
    for name, change in changes.items():
        if name in rows:
            _update(transaction, name, rows[name][1], change)
    return len(new)


def views(
    transaction: Session, *, application: str = "", build: int | None = None, limit: int = 50
) -> list[SessionView]:
    """Sessions whose beginning is stored, newest first."""
    query = _begun().order_by(SessionRow.started_at.desc(), SessionRow.id).limit(limit)
    if application:
        query = query.where(SessionRow.application == application)
    if build is not None:
        query = query.where(SessionRow.build == build)
    return [_view(row) for row in transaction.scalars(query)]


def detail(transaction: Session, session: str) -> SessionDetail:
    """A session with its transcript as far as it is stored. Raises NotFound."""
    row = transaction.scalar(_begun().where(SessionRow.id == session))
    if row is None:
        raise NotFound("no such session is stored", where=f"session {session}", mend="look at the list of sessions")
    return SessionDetail(_view(row), transcript(transaction, session))


def transcript(transaction: Session, session: str) -> Transcript:
    """Everything stored of a session, in order, up to the first gap.

    A session that was rebuilt on another process may have sent the same events again, cut otherwise: the first stay.
    """
    events = list[Event]()
    chunks = transaction.execute(
        select(ChunkRow.first, ChunkRow.events).where(ChunkRow.session == session).order_by(ChunkRow.first)
    )
    for first, stored in chunks:
        if first > len(events):
            break
        events.extend(_decoder.decode(stored)[len(events) - first :])
    return tuple(events)


def finished(transaction: Session, application: str, limit: int) -> list[SessionView]:
    """An application's ended production sessions, newest first."""
    query = (
        _begun()
        .where(
            SessionRow.application == application,
            SessionRow.mode == Cluster.PRODUCTION,
            SessionRow.outcome.is_not(None),
        )
        .order_by(SessionRow.started_at.desc(), SessionRow.id)
        .limit(limit)
    )
    return [_view(row) for row in transaction.scalars(query)]


def count_finished(transaction: Session, application: str) -> int:
    """How many ended production sessions of an application are stored."""
    query = select(func.count()).where(
        SessionRow.application == application,
        SessionRow.mode == Cluster.PRODUCTION,
        SessionRow.outcome.is_not(None),
    )
    return transaction.scalar(query) or 0


def count(transaction: Session) -> int:
    """How many sessions are stored."""
    return transaction.scalar(select(func.count()).select_from(SessionRow)) or 0


def ended_on(transaction: Session, sessions: Collection[str]) -> dict[str, int]:
    """The build that each of these sessions ended on; those that have not ended are left out."""
    found = dict[str, int]()
    for part in _parts(sessions):
        for name, build in transaction.execute(
            select(SessionRow.id, SessionRow.build).where(SessionRow.id.in_(part), SessionRow.outcome.is_not(None))
        ):
            if build is not None:
                found[name] = build
    return found


def _note(change: _Changes, events: tuple[Event, ...]) -> None:
    for event in events:
        if isinstance(event, MessageReceived):
            change.turns += 1
        elif isinstance(event, SessionStarted):
            change.started = event
        elif isinstance(event, SessionEnded):
            change.outcome = event.outcome


def _update(transaction: Session, name: str, turns: int, change: _Changes) -> None:
    values: dict[str, object] = {}
    if change.turns:
        values["turns"] = turns + change.turns
    if change.started is not None:
        values |= {"build": change.started.build, "started_at": change.started.started_at}
    if change.outcome is not None:
        values["outcome"] = change.outcome
    if values:
        transaction.execute(update(SessionRow).where(SessionRow.id == name).values(**values))


def _parts(names: Collection[str]) -> Iterable[list[str]]:
    ordered = sorted(names)
    return (ordered[at : at + LOOKUP] for at in range(0, len(ordered), LOOKUP))


def _begun() -> Select[SessionRow]:
    return select(SessionRow).where(SessionRow.build.is_not(None))


def _view(row: SessionRow) -> SessionView:
    return SessionView(
        row.id,
        row.application,
        row.mode,
        row.version,
        row.build or 0,
        row.address,
        row.caller,
        row.started_at or 0.0,
        row.outcome,
        row.turns,
    )
