"""What a worker and a script's host say to each other: one JSON object a line (`docs/language-hosts.md`).

Comes in: lines from a process that nobody trusts. Goes out: frozen messages, checked once, here; and lines for the
host. No I/O. Whatever a line holds, `decode` gives a message or raises `ProtocolError` with a sentence for people.
"""

from typing import Annotated

import msgspec

from twinline.model.transcript import ScriptError, VerbResult

LINE_LIMIT = 1024 * 1024
"""Bytes of one line. NATS takes messages of 1 MiB by default, and everything a script says ends up there."""

_Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Name = Annotated[str, msgspec.Meta(max_length=128)]


class ProtocolError(Exception):
    """A host said something that the protocol does not have."""


class ReadyMessage(msgspec.Struct, frozen=True, tag_field="type", tag="ready"):
    """The process waits for its start."""


class VerbMessage(msgspec.Struct, frozen=True, tag_field="type", tag="verb"):
    """The script asks for something, at this file and line; `handlers` names those it gave for the attempts."""

    id: _Number
    verb: _Name
    arguments: dict[str, object]
    file: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    line: _Number = 0
    handlers: tuple[_Name, ...] = ()


class ContinueMessage(msgspec.Struct, frozen=True, tag_field="type", tag="continue"):
    """The handlers for an attempt have run."""

    id: _Number


class LogMessage(msgspec.Struct, frozen=True, tag_field="type", tag="log"):
    """A line for the session's log, written by the script at this line of its own."""

    text: str
    line: _Number = 0
    level: _Name = "info"


class SyncMessage(msgspec.Struct, frozen=True, tag_field="type", tag="sync"):
    """The host wants to have read everything said to it so far; answered with the same number."""

    id: _Number


class DoneMessage(msgspec.Struct, frozen=True, tag_field="type", tag="done"):
    """The script ended by itself. The process may be killed from here on."""


class FailedMessage(msgspec.Struct, frozen=True, tag_field="type", tag="failed"):
    """The script threw. The process may be killed from here on."""

    error: ScriptError


class Output(msgspec.Struct, frozen=True, tag_field="type", tag="output"):
    """A line that the script printed, without its end. What its own child processes print comes by a pipe instead."""

    text: str


ChannelMessage = (
    ReadyMessage
    | VerbMessage
    | ContinueMessage
    | LogMessage
    | Output
    | SyncMessage
    | DoneMessage
    | FailedMessage
)  # fmt: skip
"""What stands on a line from a host."""

HostMessage = VerbMessage | ContinueMessage | LogMessage | DoneMessage | FailedMessage | Output
"""What the session engine gets to see of it."""


class RefusedVerb(msgspec.Struct, frozen=True):
    """Why a verb raises in the script: the exception's type and message."""

    type: str
    message: str


class ResultMessage(msgspec.Struct, frozen=True, tag_field="type", tag="result", omit_defaults=True):
    """What a verb gives back to the script, or `error`: the verb raises at once."""

    id: int
    result: VerbResult | None = None
    error: RefusedVerb | None = None


class AttemptMessage(msgspec.Struct, frozen=True, tag_field="type", tag="attempt"):
    """An attempt that is not the last: the host runs the handlers and says `continue`."""

    id: int
    result: VerbResult


class StateMessage(msgspec.Struct, frozen=True, tag_field="type", tag="state"):
    """The call changed: at least its `state`, such as DISCONNECTED."""

    call: dict[str, object]


class SyncedMessage(msgspec.Struct, frozen=True, tag_field="type", tag="synced"):
    """The answer to `sync`: all that was said before has been read."""

    id: int


_decoder: msgspec.json.Decoder[ChannelMessage] = msgspec.json.Decoder(ChannelMessage)
_encoder = msgspec.json.Encoder()


def decode(line: bytes) -> ChannelMessage:
    """One line of a host, without its newline. Raises ProtocolError for anything the protocol does not have."""
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"its language host said something that is no message: {error}") from error


def encode(message: object) -> bytes:
    """One line for a host: a message of this module, or the `start` document."""
    return _encoder.encode(message) + b"\n"
