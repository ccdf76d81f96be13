"""The way to the database: open it with its schema up to date, read it, write it.

Comes in: a data folder. Goes out: a `Store` whose `read` and `write` run plain functions of a SQLAlchemy session in
threads of its own, so that the event loop never waits for a disk.

SQLite is in WAL mode, so that readers and the writer do not wait for each other, with `synchronous=FULL`: a decision
that was answered and a transcript that was acknowledged survive a power cut. `NORMAL` would save one flush a commit,
but transcripts are committed by hundreds and decisions are rare. There is one writer thread: SQLite has one writer
anyway, and a queue of our own is fair and cannot time out.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from twinline.control.store.migrations import HEAD
from twinline.model.errors import Mistake, Trouble

STORE_FILE = "store.sqlite"

READERS = 3
"""Threads that read at the same time: pages of people, and services that look things up."""

CACHE_KIBIBYTES = 16 * 1024
"""Page cache of one connection. SQLite's own default, 2 MB, re-reads the index of sessions all the time."""

_FULL = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_TRUNCATE"})

T = TypeVar("T")


class Store:
    """The record of everything decided and everything that happened. Made by `open_store`; closed once by its owner."""

    def __init__(self, engine: Engine, place: str) -> None:
        """Read and write through `engine`; `place` names the database in errors."""
        self._engine = engine
        self._place = place
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._readers = ThreadPoolExecutor(READERS, "store-reader")

    async def read(self, work: Callable[[Session], T]) -> T:
        """Run `work` on one consistent state of the database. Raises Trouble when the database fails."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._run, work, "BEGIN")

    async def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` as one transaction, alone: all of it is on disk on return, or nothing of it.

        Raises what `work` raises, and Trouble when the database fails; the database is then as it was.
        """
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._run, work, "BEGIN IMMEDIATE")

    def close(self) -> None:
        """Finish what was begun, and leave."""
        self._writer.shutdown()
        self._readers.shutdown()
        self._engine.dispose()

    def _run(self, work: Callable[[Session], T], begin: str) -> T:
        try:
            with (
                self._engine.connect().execution_options(begin=begin) as connection,
                connection.begin(),
                Session(connection, expire_on_commit=False) as session,
            ):
                result = work(session)
                session.flush()
                return result
        except DBAPIError as error:
            if error.connection_invalidated or isinstance(error, OperationalError):
                raise _trouble(error, self._place) from error
            raise


def open_store(data: Path) -> Store:
    """The store in a data folder, made or brought up to date when need be.

    Raises Mistake when a newer Twinline has written it, Trouble when it cannot be opened.
    """
    path = data / STORE_FILE
    engine = make_engine(f"sqlite:///{path}")
    try:
        with engine.connect() as connection:
            upgrade(connection, str(path))
    except OperationalError as error:
        raise _trouble(error, str(path)) from error
    return Store(engine, str(path))


def make_engine(url: str) -> Engine:
    """An engine whose transactions begin as their execution option `begin` says."""
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction handling begins too late for a consistent read; ours is in `begin` below.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=10000",
            f"cache_size=-{CACHE_KIBIBYTES}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def upgrade(connection: Connection, place: str) -> None:
    """Bring the schema to this Twinline's. Raises Mistake when the database is newer."""
    revision = _revision(connection)
    if revision == HEAD:
        return
    # Alembic takes half a second to import, and only a new or an old database needs it.
    from alembic.util import CommandError  # noqa: PLC0415

    from twinline.control.store.migrations import run  # noqa: PLC0415

    try:
        run.upgrade(connection)
    except CommandError as error:
        raise Mistake(
            f"this Twinline does not know the store's schema {revision}",
            where=place,
            mend="start the Twinline that wrote it, or a newer one",
        ) from error


def _revision(connection: Connection) -> str | None:
    with connection.begin():
        if connection.scalar(text("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")) is None:
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def _trouble(error: DBAPIError, place: str) -> Trouble:
    cause = error.orig
    if isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorname", "") in _FULL:
        return Trouble("the store's disk is full; nothing was changed", where=place, mend="free some space on it")
    return Trouble(
        f"the store failed: {cause}; nothing was changed", where=place, mend="look at its disk and its rights"
    )
