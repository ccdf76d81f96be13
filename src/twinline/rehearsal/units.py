"""Which of an application's sessions to rehearse.

Comes in: finished production sessions, each with its behaviour signature. Goes out: those to rehearse, at most a budget
for each application, and those left out.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import urlsplit

import msgspec

from twinline.model.transcript import (
    AttemptEnded,
    ErrorRaised,
    HttpExchange,
    Outcome,
    SessionEnded,
    Transcript,
    VerbEnded,
    VerbResult,
    VerbStarted,
)

_NUMBER = re.compile(r"\d+")


class StoredSession(msgspec.Struct, frozen=True):
    """A finished production session: when it began (seconds since the epoch), how it ended, what it did."""

    session: str
    application: str
    started_at: float
    outcome: Outcome
    signature: str


def signature(transcript: Transcript) -> str:
    """What a session did, without its data: sessions of the same signature took the same ways through the script.

    It covers the verbs with what came of them, the shape of the look-ups, what was thrown, and the ending.
    """
    asked: dict[int, VerbStarted] = {}
    traits: set[str] = set()
    for event in transcript:
        match event:
            case VerbStarted(id=number, verb=verb):
                asked[number] = event
                traits.add(verb)
            case AttemptEnded(id=number, result=result) | VerbEnded(id=number, result=result) if number in asked:
                traits.add(_answered(asked[number], result))
            case HttpExchange(request=request, response=response):
                url = urlsplit(request.url)
                status = response.status if response else "none"
                traits.add(f"{request.method} {url.netloc}{_NUMBER.sub('#', url.path)} {status}")
            case ErrorRaised(error=error):
                traits.add(f"{error.type} {error.file}")
            case SessionEnded(outcome=outcome):
                traits.add(outcome.value)
            case _:
                pass
    return hashlib.sha256("\n".join(sorted(traits)).encode()).hexdigest()[:16]


def _answered(asked: VerbStarted, result: VerbResult) -> str:
    """A choice counts by its name when the script wrote that name; digits and free text are data."""
    offered = str(asked.arguments.get("choices", "")).casefold()
    concept = result.choice.concept if result.choice else ""
    chosen = concept if concept and concept.casefold() in offered else "*"
    return f"{asked.verb} {result.name} {chosen}"


def select(
    sessions: Iterable[StoredSession], budget: int
) -> tuple[tuple[StoredSession, ...], tuple[StoredSession, ...]]:
    """Those to rehearse and those left out; `budget` is the most of any one application.

    First the newest failure of each behaviour, then the newest of every behaviour, then the other failures, then the
    newest of the rest: all failures are in unless there are more than the budget holds.
    """
    by_application: dict[str, list[StoredSession]] = defaultdict(list)
    for session in sessions:
        by_application[session.application].append(session)
    chosen: list[StoredSession] = []
    left_out: list[StoredSession] = []
    for application in sorted(by_application):
        ranked = _ranked(by_application[application])
        chosen += ranked[:budget]
        left_out += ranked[budget:]
    return tuple(chosen), tuple(left_out)


def _ranked(sessions: list[StoredSession]) -> list[StoredSession]:
    """One application's sessions, the most telling first."""
    newest_first = sorted(sessions, key=lambda session: (-session.started_at, session.session))
    seen: set[str] = set()
    tiers: tuple[list[StoredSession], ...] = ([], [], [], [])
    for session in newest_first:
        repeated, failed = session.signature in seen, session.outcome is not Outcome.COMPLETED
        seen.add(session.signature)
        tiers[2 * repeated + (not failed)].append(session)
    return [session for tier in tiers for session in tier]
