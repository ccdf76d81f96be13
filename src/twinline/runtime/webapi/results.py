"""What is posted to an application: the session document and the result documents, with exactly the fields that Tropo's
had, in their order and types.

Comes in: facts of the session and what its verbs came to. Goes out: frozen documents and their JSON. Fields that are
absent and fields that are null are different things to programs, and here. Pure.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from twinline.model.transcript import Event
from twinline.runtime.outbound import Cassette
from twinline.runtime.outbound.normal import normal_body

T = TypeVar("T")
Maybe: TypeAlias = T | UnsetType  # Python 3.11 has no `type` statement
"""A field that some documents have and some have not."""


class Party(msgspec.Struct, frozen=True, omit_defaults=True):
    """One end of a call or conversation."""

    id: str
    e164Id: Maybe[str] = UNSET  # noqa: N815  # the names are the interface's
    name: Maybe[str | None] = UNSET
    channel: Maybe[str] = UNSET
    network: Maybe[str] = UNSET


class Media(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of the message that started the session."""

    status: str
    disposition: Maybe[str] = UNSET
    media: Maybe[str] = UNSET
    text: Maybe[str] = UNSET


class SessionDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"sender": "from"}):
    """What an application is told when a session starts. A session of a token has no parties, but parameters."""

    id: str
    accountId: str  # noqa: N815
    applicationId: Maybe[str] = UNSET  # noqa: N815
    timestamp: str
    userType: str  # noqa: N815
    initialText: Maybe[str | None] = UNSET  # noqa: N815
    subject: Maybe[str | None] = UNSET
    initialMedia: Maybe[list[Media]] = UNSET  # noqa: N815
    callId: Maybe[str | None] = UNSET  # noqa: N815
    to: Maybe[Party] = UNSET
    sender: Maybe[Party] = UNSET
    headers: Maybe[dict[str, str]] = UNSET
    parameters: Maybe[dict[str, str]] = UNSET


class ActionResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one action came to. `confidence` is 0 to 100, durations are whole seconds."""

    name: str | None
    attempts: Maybe[int] = UNSET
    duration: Maybe[int] = UNSET
    connectedDuration: Maybe[int] = UNSET  # noqa: N815
    disposition: Maybe[str] = UNSET
    timestamp: Maybe[str] = UNSET
    confidence: Maybe[int] = UNSET
    interpretation: Maybe[str] = UNSET
    utterance: Maybe[str] = UNSET
    concept: Maybe[str] = UNSET
    value: Maybe[str] = UNSET
    xml: Maybe[str] = UNSET
    uploadStatus: Maybe[str] = UNSET  # noqa: N815
    url: Maybe[str] = UNSET
    calledid: Maybe[str] = UNSET
    userType: Maybe[str] = UNSET  # noqa: N815
    transcription: Maybe[str] = UNSET


class Property(msgspec.Struct, frozen=True):
    """A pair of the first generation's results."""

    key: str
    value: str


class ResultDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an application is told when its document is done with.

    `callState` and `properties` are the first generation's, read and never written; `sessionDuration` is whole seconds.
    """

    sessionId: str  # noqa: N815
    callId: Maybe[str | None] = UNSET  # noqa: N815
    state: Maybe[str] = UNSET
    callState: Maybe[str] = UNSET  # noqa: N815
    sessionDuration: int  # noqa: N815
    sequence: int
    complete: bool
    error: str | None
    calledid: Maybe[str] = UNSET
    userType: Maybe[str] = UNSET  # noqa: N815
    properties: Maybe[list[Property]] = UNSET
    actions: Maybe[ActionResult | list[ActionResult]] = UNSET


class _Session(msgspec.Struct, frozen=True):
    session: SessionDocument


class _Result(msgspec.Struct, frozen=True):
    result: ResultDocument


def session_json(document: SessionDocument) -> bytes:
    """The session document as it is posted."""
    return msgspec.json.encode(_Session(document))


def result_json(document: ResultDocument) -> bytes:
    """A result document as it is posted."""
    return msgspec.json.encode(_Result(document))


def read_session(content: bytes) -> SessionDocument:
    """A session document as an application reads it. Raises msgspec.ValidationError."""
    return msgspec.json.decode(content, type=_Session).session


def read_result(content: bytes) -> ResultDocument:
    """A result document as an application reads it. Raises msgspec.ValidationError."""
    return msgspec.json.decode(content, type=_Result).result


def actions_field(results: list[ActionResult]) -> Maybe[ActionResult | list[ActionResult]]:
    """Absent when nothing came of the document, an object when it was one thing, a list when there are several."""
    if not results:
        return UNSET
    return results[0] if len(results) == 1 else results


def timestamp(epoch: float) -> str:
    """Seconds since the epoch as Tropo wrote them, with thousandths, in UTC."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def nlsml(given: str, mode: str, confidence: int, grammar: str) -> str:
    """An answer as speech recognisers tell it (NLSML), to the byte as Tropo did. `grammar` names the grammar."""
    escaped = given.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (
        f'<?xml version="1.0"?>\r\n<result grammar="{grammar}">\r\n'
        f'    <interpretation grammar="{grammar}" confidence="{confidence}">\r\n        \r\n'
        f'      <input mode="{mode}">{escaped}</input>\r\n    </interpretation>\r\n</result>\r\n'
    )


def grammar_name(session: str, sequence: int, attempt: int) -> str:
    """What the grammar of an attempt is called: counted through a document, and told apart by it."""
    digest = hashlib.sha256(f"{session} {sequence}".encode()).hexdigest()[:8]
    return f"{attempt}@{digest}.vxmlgrammar"


_MEASURED = frozenset({"sessionDuration", "duration", "connectedDuration", "timestamp"})


def web_cassette(recorded: Iterable[Event]) -> Cassette:
    """The cassette of a session of this dialect: a result is the same one however long the session has taken."""
    return Cassette(recorded, normal=timeless)


def timeless(body: bytes, content_type: str) -> bytes:
    """The normal form of a body; of a result document without what was measured."""
    try:
        document = json.loads(body) if body.startswith(b'{"result"') else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("result"), dict):
        return normal_body(body, content_type)
    return json.dumps(_without_measures(document["result"]), sort_keys=True).encode()


def _without_measures(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _without_measures(each) for name, each in value.items() if name not in _MEASURED}
    if isinstance(value, list):
        return [_without_measures(each) for each in value]
    return value
