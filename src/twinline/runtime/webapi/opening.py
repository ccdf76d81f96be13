"""The facts of a session as an application of this dialect is told them.

Comes in: the start message of the engine. Goes out: frozen `Facts`, and the session document that is posted
first. Pure.
"""

from collections.abc import Mapping

import msgspec
from msgspec import UNSET

from twinline.runtime.webapi.results import Party, SessionDocument, timestamp

ACCOUNT = "1"
"""There are no accounts: every application belongs to this one. Programs only read it or print it."""


class Facts(msgspec.Struct, frozen=True):
    """What does not change in a session. `call` is None when a token started it; `epoch` is seconds."""

    session: str
    application: str
    epoch: float
    call: Mapping[str, object] | None
    parameters: dict[str, str]

    @property
    def call_id(self) -> str | None:
        """The call's identifier."""
        return None if self.call is None else str(self.call.get("id"))

    @property
    def called(self) -> str | None:
        """Who was called; None when nobody called."""
        return None if self.call is None else str(self.call.get("calledID"))

    @property
    def text(self) -> bool:
        """Whether the session's line is text."""
        return self.call is not None and self.call.get("channel") == "TEXT"

    @property
    def state(self) -> str:
        """The state that the line starts in. Without a call nothing rings and nobody has left."""
        return "RINGING" if self.call is None else str(self.call.get("state"))


def facts_of(start: Mapping[str, object], application: str) -> Facts:
    """The facts in the engine's start message."""
    call, parameters, epoch = start["call"], start["parameters"], start["epoch"]
    return Facts(
        session=str(start["session"]),
        application=application,
        epoch=epoch if isinstance(epoch, float | int) else 0.0,
        call=call if isinstance(call, dict) else None,
        parameters={str(name): str(value) for name, value in parameters.items()}
        if isinstance(parameters, dict)
        else {},
    )


def session_document(facts: Facts) -> SessionDocument:
    """What is posted first: with both parties when somebody called, with parameters when a token started it."""
    call = facts.call or {}
    headers = call.get("headers")
    initial = call.get("initialText")
    return SessionDocument(
        id=facts.session,
        accountId=ACCOUNT,
        applicationId=facts.application,
        timestamp=timestamp(facts.epoch),
        userType="NONE" if facts.call is None else str(call.get("userType") or "HUMAN"),
        initialText=None if initial is None else str(initial),
        callId=facts.call_id,
        to=UNSET if facts.call is None else _party(call, "called"),
        sender=UNSET if facts.call is None else _party(call, "caller"),
        headers={str(name): str(value) for name, value in headers.items()} if isinstance(headers, dict) else UNSET,
        parameters=facts.parameters if facts.parameters or facts.call is None else UNSET,
    )


def _party(call: Mapping[str, object], who: str) -> Party:
    """A party is named only on a telephone, and there by its identifier when it has no better name."""
    identifier = str(call.get(f"{who}ID"))
    international = call.get(f"e164{who[0].upper()}{who[1:]}ID") or identifier
    name = call.get(f"{who}Name")
    spoken = identifier if name in (None, "unknown") else str(name)
    channel = str(call.get("channel"))
    return Party(
        id=identifier,
        e164Id=str(international),
        name=None if channel == "TEXT" else spoken,
        channel=channel,
        network=str(call.get("network")),
    )
