"""A recorded caller: the line of a rehearsal.

Comes in: the transcript of a real session. Goes out: that caller's answers, matched by what is asked, not by position;
nothing is ever sent.
"""

from collections import deque
from dataclasses import dataclass

from twinline.model.transcript import (
    AttemptEnded,
    MessageReceived,
    MessageSent,
    Transcript,
    VerbEnded,
    VerbResult,
    VerbStarted,
)
from twinline.runtime.session.clock import VirtualClock
from twinline.runtime.session.line import Diverged, Input


@dataclass
class _Asked:
    """A recorded ask and what the caller did: seconds since the ask or the last answer, and text (None: silence)."""

    prompt: object
    choices: object
    answers: deque[tuple[float, str | None]]


class RecordedLine:
    """The caller of a recorded session, for one lane."""

    channel = "TEXT"

    def __init__(self, recorded: Transcript, clock: VirtualClock) -> None:
        self._clock = clock
        self._asked = _asks(recorded)
        self._matched: dict[int, _Asked] = {}

    async def send(self, message: MessageSent) -> None:
        """Nothing leaves a rehearsal: the transcript has the message, and that is where it is compared."""

    async def end(self) -> None:
        """A recording has nobody to tell."""

    async def receive(self, asked: VerbStarted, timeout: float) -> Input | None:
        """What the recorded caller answered. Raises Diverged when this was never asked, or not so often."""
        recorded = self._matched.get(asked.id) or self._match(asked)
        if not recorded.answers:
            raise Diverged(f"asked once more than the caller answered: {_prompt(asked)!r}")
        after, text = recorded.answers.popleft()
        if text is None:
            await self._clock.sleep(timeout)
            return None
        self._clock.advance(min(after, timeout))
        return Input(text=text, message="recorded")

    def _match(self, asked: VerbStarted) -> _Asked:
        """The earliest unused recorded ask for the same thing: same prompt and choices, else the same choices."""
        prompt, choices = asked.arguments.get("text"), asked.arguments.get("choices")
        same = [ask for ask in self._asked if ask.choices == choices]
        if not same:
            raise Diverged(f"the recording has no answer to {_prompt(asked)!r} with choices {choices!r}")
        found = next((ask for ask in same if ask.prompt == prompt), same[0])
        self._asked.remove(found)
        self._matched[asked.id] = found
        return found


def _prompt(asked: VerbStarted) -> str:
    return str(asked.arguments.get("text", ""))[:80]


def _asks(recorded: Transcript) -> list[_Asked]:
    """Every ask of a transcript that listened to its caller, with the answers it got.

    An ask that took the message which started the session has no answer of its own for that attempt.
    """
    open_asks: dict[int, tuple[_Asked, float]] = {}
    asks: list[_Asked] = []
    for event in recorded:
        match event:
            case VerbStarted(id=id_, verb="ask" | "prompt" | "record"):
                ask = _Asked(event.arguments.get("text"), event.arguments.get("choices"), deque())
                open_asks[id_] = (ask, event.at)
                asks.append(ask)
            case MessageReceived(verb=id_) if id_ in open_asks:
                ask, since = open_asks[id_]
                ask.answers.append((event.at - since, event.text))
                open_asks[id_] = (ask, event.at)
            case (
                AttemptEnded(id=id_, result=VerbResult(name="timeout"))
                | VerbEnded(id=id_, result=VerbResult(name="timeout"))
            ) if id_ in open_asks:
                ask, since = open_asks[id_]
                ask.answers.append((event.at - since, None))
                open_asks[id_] = (ask, event.at)
            case _:
                pass
    return [ask for ask in asks if ask.answers]
