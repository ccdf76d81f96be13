"""A session is its transcript: the ordered list of everything that crossed its borders.

Comes in: what the session engine observed. Goes out: one tagged union of frozen events, in JSON with `kind` as the tag.
The same list makes the live log, the rehearsal, the comparison and the recovery after a crash. `docs/transcript.md`
describes each kind. `at` is seconds of the session's own clock since its start.
"""

from enum import StrEnum

import msgspec

from twinline.model.builds import Cluster

TRANSCRIPT_FORMAT = 1
"""Version of this format. Readers accept this one and the one before."""


class Outcome(StrEnum):
    """How a session ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed-out"
    KILLED = "killed"
    DIVERGED = "diverged"
    LOST = "lost"


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an answer was understood as. `confidence` is 0 to 100; `tag` is the value of the grammar's tags, if any."""

    concept: str
    interpretation: str
    utterance: str
    confidence: int = 100
    tag: str | None = None


class VerbResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """The event a verb returns to its script (`choice`, `badChoice`, `timeout`, `hangup`, `error`, `signal` …)."""

    name: str
    value: str | None = None
    attempt: int = 1
    choice: Choice | None = None
    message: str | None = None


class ScriptError(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a script threw: type, message, and where (bundle-relative file, line, frames from inner to outer)."""

    type: str
    message: str
    file: str = ""
    line: int = 0
    frames: tuple[str, ...] = ()


class HttpRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request as the outbound proxy saw it; `body` is text, or base64 when `encoded`."""

    method: str
    url: str
    headers: dict[str, str] = {}
    body: str = ""
    encoded: bool = False


class HttpResponse(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to it; `body` as in the request."""

    status: int
    headers: dict[str, str] = {}
    body: str = ""
    encoded: bool = False


class SessionStarted(msgspec.Struct, frozen=True, tag_field="kind", tag="session.started"):
    """Everything the session is pinned to. `started_at` is seconds since the epoch; `seed` is hexadecimal."""

    at: float
    session: str
    application: str
    mode: Cluster
    version: str
    build: int
    components: dict[str, str]
    address: str
    caller: str
    channel: str
    network: str
    initial_text: str | None
    parameters: dict[str, str]
    seed: str
    started_at: float
    sandbox: str


class VerbStarted(msgspec.Struct, frozen=True, tag_field="kind", tag="verb", omit_defaults=True):
    """The script asked the platform for something, at this file and line."""

    at: float
    id: int
    verb: str
    arguments: dict[str, object]
    file: str = ""
    line: int = 0


class AttemptEnded(msgspec.Struct, frozen=True, tag_field="kind", tag="attempt"):
    """An attempt of a verb that is not its last; the script's handlers run on it."""

    at: float
    id: int
    result: VerbResult


class VerbEnded(msgspec.Struct, frozen=True, tag_field="kind", tag="result"):
    """What the verb gave back to the script."""

    at: float
    id: int
    result: VerbResult


class MessageReceived(msgspec.Struct, frozen=True, tag_field="kind", tag="received", omit_defaults=True):
    """A message of the caller reached the session.

    `verb` is the ask that took it (0: it started the session), `sequence` its place in the inbound stream (0: none).
    """

    at: float
    text: str
    message: str
    verb: int = 0
    sequence: int = 0


class MessageSent(msgspec.Struct, frozen=True, tag_field="kind", tag="sent"):
    """A message left the session. `message` is its identifier, the same whenever the same send is repeated."""

    at: float
    verb: int
    sender: str
    recipient: str
    text: str
    network: str
    message: str


class HttpExchange(msgspec.Struct, frozen=True, tag_field="kind", tag="http", omit_defaults=True):
    """The script asked the outside. `response` is None when the outbound proxy refused or found nothing (`error`)."""

    at: float
    request: HttpRequest
    response: HttpResponse | None
    error: str = ""


class Logged(msgspec.Struct, frozen=True, tag_field="kind", tag="log", omit_defaults=True):
    """A line of the session's log, by the script, by its standard `output`, or by the `platform` (`source`)."""

    at: float
    text: str
    source: str = "script"
    level: str = "info"
    line: int = 0


class ErrorRaised(msgspec.Struct, frozen=True, tag_field="kind", tag="error"):
    """The script failed (or the platform under it: `platform`)."""

    at: float
    error: ScriptError
    platform: bool = False


class Hangup(msgspec.Struct, frozen=True, tag_field="kind", tag="hangup"):
    """The session's line ended: by `script` or `caller`."""

    at: float
    by: str


class SessionEnded(msgspec.Struct, frozen=True, tag_field="kind", tag="session.ended", omit_defaults=True):
    """The session is over. Nothing follows."""

    at: float
    outcome: Outcome
    reason: str = ""


Event = (
    SessionStarted
    | VerbStarted
    | AttemptEnded
    | VerbEnded
    | MessageReceived
    | MessageSent
    | HttpExchange
    | Logged
    | ErrorRaised
    | Hangup
    | SessionEnded
)
"""Any event of a transcript."""

Transcript = tuple[Event, ...]
"""A whole session, in order."""


def kind(event: Event) -> str:
    """The event's tag as written in JSON, such as `verb` or `session.ended`."""
    return str(event.__struct_config__.tag)
