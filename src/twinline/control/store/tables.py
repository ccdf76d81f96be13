"""The tables of the store.

Comes in: nothing. Goes out: one typed class per table. Documents of the model are kept as JSON text and read back as
the structs they were. Times are seconds since the epoch (UTC). `migrations/` makes what is said here.
"""

from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ForeignKey, Index, LargeBinary, MetaData, String, Text, TypeDecorator, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twinline.control.schema import JobState, Problem
from twinline.model.applications import Language
from twinline.model.builds import BuildState, Change, Cluster, ComponentName, Significance
from twinline.model.rehearsal import ApplicationVerdict
from twinline.model.release import Excuse, Override, PromotionState
from twinline.model.transcript import Outcome
from twinline.release.soak import Soak

D = TypeVar("D")
W = TypeVar("W", bound=StrEnum)


class Document(TypeDecorator[D]):
    """A document as JSON text, read back as the type it was."""

    impl = Text
    cache_ok = True

    def __init__(self, type_: Any) -> None:
        """`type_` is whatever msgspec can decode to: a struct, or a union or collection of them."""
        super().__init__()
        self.type_ = type_

    def process_bind_param(self, value: D | None, dialect: Dialect) -> str | None:
        """To the database."""
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> D | None:
        """From the database."""
        if value is None:
            return None
        document: D = msgspec.json.decode(value, type=self.type_)
        return document


class Word(TypeDecorator[W]):
    """A word of the model, kept as its text."""

    impl = String(40)
    cache_ok = True

    def __init__(self, type_: type[W]) -> None:
        """`type_` is the enumeration that the word belongs to."""
        super().__init__()
        self.type_ = type_

    def process_bind_param(self, value: W | None, dialect: Dialect) -> str | None:
        """To the database."""
        return None if value is None else value.value

    def process_result_value(self, value: str | None, dialect: Dialect) -> W | None:
        """From the database."""
        return None if value is None else self.type_(value)


class Base(DeclarativeBase):
    """All tables. Constraints are named, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class ApplicationRow(Base):
    """A customer's program. `live` is the version that new sessions run."""

    __tablename__ = "applications"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    mode: Mapped[Cluster] = mapped_column(Word(Cluster))
    twin_of: Mapped[str | None] = mapped_column(ForeignKey("applications.name"))
    live: Mapped[int | None] = mapped_column(ForeignKey("versions.id"))
    deployed_at: Mapped[float | None]
    created_at: Mapped[float]


class VersionRow(Base):
    """An immutable bundle: the same bytes with the same entry are the same version, whoever deploys them."""

    __tablename__ = "versions"
    __table_args__ = (UniqueConstraint("digest", "entry"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    entry: Mapped[str]
    language: Mapped[Language] = mapped_column(Word(Language))
    created_at: Mapped[float]


class DeploymentRow(Base):
    """The act of making a version an application's live one."""

    __tablename__ = "deployments"

    id: Mapped[int] = mapped_column(primary_key=True)
    application: Mapped[str] = mapped_column(ForeignKey("applications.name"), index=True)
    version: Mapped[int] = mapped_column(ForeignKey("versions.id"))
    by: Mapped[str]
    at: Mapped[float]


class AddressRow(Base):
    """What reaches an application. An address belongs to one application."""

    __tablename__ = "addresses"

    address: Mapped[str] = mapped_column(String(255), primary_key=True)
    application: Mapped[str] = mapped_column(ForeignKey("applications.name"), index=True)
    carrier: Mapped[str]
    url: Mapped[str]
    secret: Mapped[str]
    created_at: Mapped[float]


class BuildRow(Base):
    """A build that was made. Only its publication and a raised significance are written later."""

    __tablename__ = "builds"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(String(64))
    path: Mapped[str]
    components: Mapped[dict[ComponentName, str]] = mapped_column(Document(dict[ComponentName, str]))
    changes: Mapped[tuple[Change, ...]] = mapped_column(Document(tuple[Change, ...]))
    significance: Mapped[Significance] = mapped_column(Word(Significance))
    made_at: Mapped[float]
    published_at: Mapped[float | None]
    soak: Mapped[Soak | None] = mapped_column(Document(Soak))


class ClusterRow(Base):
    """What a cluster runs. `generation` grows by one with every change, and every change names the one it saw."""

    __tablename__ = "clusters"

    cluster: Mapped[Cluster] = mapped_column(Word(Cluster), primary_key=True)
    current: Mapped[int | None] = mapped_column(ForeignKey("builds.number"))
    generation: Mapped[int]
    states: Mapped[dict[int, BuildState]] = mapped_column(Document(dict[int, BuildState]))


class SessionRow(Base):
    """A session as its transcript tells. `build` is None until its first event is stored; `outcome` until its last."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index(None, "application", "started_at"),
        Index(None, "build", "started_at"),
        Index(None, "started_at"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    application: Mapped[str]
    mode: Mapped[Cluster] = mapped_column(Word(Cluster))
    version: Mapped[str] = mapped_column(String(64))
    build: Mapped[int | None]
    address: Mapped[str]
    caller: Mapped[str]
    started_at: Mapped[float | None]
    outcome: Mapped[Outcome | None] = mapped_column(Word(Outcome))
    turns: Mapped[int]


class ChunkRow(Base):
    """A piece of a transcript: the events from index `first` on, a JSON array."""

    __tablename__ = "chunks"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 SQLAlchemy reads it so

    session: Mapped[str] = mapped_column(String(64), primary_key=True)
    first: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    events: Mapped[bytes] = mapped_column(LargeBinary)


class RehearsalRow(Base):
    """A rehearsal; `result` is the whole result document once it is done."""

    __tablename__ = "rehearsals"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    baseline: Mapped[int] = mapped_column(ForeignKey("builds.number"))
    candidate: Mapped[int] = mapped_column(ForeignKey("builds.number"), index=True)
    state: Mapped[JobState] = mapped_column(Word(JobState))
    by: Mapped[str]
    started_at: Mapped[float]
    finished_at: Mapped[float | None]
    verdicts: Mapped[dict[str, ApplicationVerdict]] = mapped_column(Document(dict[str, ApplicationVerdict]))
    result: Mapped[bytes | None] = mapped_column(LargeBinary)


class PromotionRow(Base):
    """A move of a cluster's pointer, with its ledger."""

    __tablename__ = "promotions"

    id: Mapped[int] = mapped_column(primary_key=True)
    cluster: Mapped[Cluster] = mapped_column(Word(Cluster))
    from_build: Mapped[int | None] = mapped_column(ForeignKey("builds.number"))
    to_build: Mapped[int] = mapped_column(ForeignKey("builds.number"))
    kind: Mapped[str]
    state: Mapped[PromotionState] = mapped_column(Word(PromotionState))
    by: Mapped[str]
    at: Mapped[float]
    excuse: Mapped[Excuse | None] = mapped_column(Document(Excuse))
    overrides: Mapped[tuple[Override, ...]] = mapped_column(Document(tuple[Override, ...]))
    in_flight: Mapped[tuple[str, ...]] = mapped_column(Document(tuple[str, ...]))
    finished: Mapped[dict[str, int]] = mapped_column(Document(dict[str, int]))
    done_at: Mapped[float | None]


class OverrideRow(Base):
    """A named person lets a build past a gate. The database itself refuses to change or delete one."""

    __tablename__ = "overrides"

    id: Mapped[int] = mapped_column(primary_key=True)
    build: Mapped[int] = mapped_column(ForeignKey("builds.number"), index=True)
    gate: Mapped[str]
    by: Mapped[str]
    reason: Mapped[str]
    at: Mapped[float]
    expires_at: Mapped[float | None]


class ChangelogRow(Base):
    """An announcement."""

    __tablename__ = "changelog"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    build: Mapped[int] = mapped_column(ForeignKey("builds.number"))
    title: Mapped[str]
    text: Mapped[str]
    changes: Mapped[tuple[Change, ...]] = mapped_column(Document(tuple[Change, ...]))
    significance: Mapped[Significance] = mapped_column(Word(Significance))
    at: Mapped[float]


class KeyRow(Base):
    """An API key: its secret only as SHA-256, which suffices because the secret itself is 256 random bits."""

    __tablename__ = "keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[float]
    revoked_at: Mapped[float | None]


class JobRow(Base):
    """A long piece of work, written when it starts and when it ends."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str]
    state: Mapped[JobState] = mapped_column(Word(JobState))
    step: Mapped[int]
    steps: Mapped[int]
    text: Mapped[str]
    result: Mapped[str]
    problem: Mapped[Problem | None] = mapped_column(Document(Problem))
    started_at: Mapped[float]
