"""Two lanes side by side: whether they differ, how much it matters, and where first.

Comes in: two transcripts of the same session. Goes out: a `Comparison`. The lanes' names are only for its sentence.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from enum import IntEnum
from itertools import zip_longest

import msgspec

from twinline.model.rehearsal import Divergence
from twinline.model.transcript import (
    ErrorRaised,
    Event,
    Logged,
    MessageReceived,
    Outcome,
    SessionEnded,
    Transcript,
    VerbEnded,
    VerbStarted,
)
from twinline.rehearsal.steps import HANDLER_ERROR, LOGS, Step, steps
from twinline.rehearsal.words import told


class Difference(IntEnum):
    """How far apart two lanes are, from nothing to most."""

    NONE = 0
    MINOR = 1
    """Log lines, the words of an error, or the order of things that ran at the same time."""
    MENDED = 2
    """Where they part, the left one failed and the right one went on."""
    MAJOR = 3


class Comparison(msgspec.Struct, frozen=True):
    """How two lanes differ. `left` and `right` are the places in the transcripts where they part."""

    difference: Difference
    divergence: Divergence | None = None
    left: int = 0
    right: int = 0


SAME = Comparison(Difference.NONE)

_Parting = tuple[Step | None, Step | None]


def compare(left: Transcript, right: Transcript, left_name: str, right_name: str) -> Comparison:
    """The first place where two lanes differ in what they did; failing that, in what they logged."""
    left_steps, right_steps = steps(left), steps(right)
    difference, parting, field = _difference(left_steps, right_steps, _overlap(left) or _overlap(right))
    if difference is Difference.NONE:
        return SAME
    one, other = parting
    left_place, right_place = one.place if one else len(left), other.place if other else len(right)
    thrown = _thrown(right[right_place:]) or _thrown(left[left_place:]) or ("", 0)
    turns = sum(isinstance(event, MessageReceived) for event in (left[:left_place] if one else right[:right_place]))
    divergence = Divergence(
        turn=max(1, turns),
        field=field,
        left=one.event if one else None,
        right=other.event if other else None,
        file=thrown[0],
        line=thrown[1],
        sentence=_sentence(parting, field, left_name, right_name),
    )
    return Comparison(difference, divergence, left_place, right_place)


def _difference(left: Sequence[Step], right: Sequence[Step], overlap: bool) -> tuple[Difference, _Parting, str]:
    """How far apart two lanes are, where they part, and the name of the field that differs there."""
    left_deeds, right_deeds = _deeds(left), _deeds(right)
    if _keys(left_deeds) != _keys(right_deeds):
        if _only_order(left_deeds, right_deeds, overlap):
            return Difference.MINOR, _first(left_deeds, right_deeds), "order"
        parting = _parting(left_deeds, right_deeds, overlap)
        mended = _failed(parting[0]) and not _failed(parting[1])
        return Difference.MENDED if mended else Difference.MAJOR, parting, _field(*parting)
    for one, other in zip(left_deeds, right_deeds, strict=True):
        if one.wording != other.wording:
            return Difference.MINOR, (one, other), "message"
    for kind in LOGS:
        lines, other_lines = ([step for step in lane if step.kind == kind] for lane in (left, right))
        for line, other_line in zip_longest(lines, other_lines):
            if line is None or other_line is None or (line.key, line.wording) != (other_line.key, other_line.wording):
                return Difference.MINOR, (line, other_line), "log"
    return Difference.NONE, (None, None), ""


def _deeds(lane: Sequence[Step]) -> list[Step]:
    """All but the log."""
    return [step for step in lane if step.kind not in LOGS]


def _keys(lane: Sequence[Step]) -> list[bytes]:
    return [step.key for step in lane]


def _overlap(transcript: Transcript) -> bool:
    """Whether two verbs ran at the same time, as they do when a script has several threads."""
    running: set[int] = set()
    for event in transcript:
        if isinstance(event, VerbStarted):
            if running:
                return True
            running.add(event.id)
        elif isinstance(event, VerbEnded):
            running.discard(event.id)
    return False


def _only_order(left: Sequence[Step], right: Sequence[Step], overlap: bool) -> bool:
    """Whether the lanes did the same things, each person got the same messages in the same order, and what changed
    places ran at the same time: verbs of several threads, or requests beside everything else."""
    if Counter(_keys(left)) != Counter(_keys(right)) or _effects(left) != _effects(right):
        return False
    aside = [[step.key for step in lane if step.kind != "http"] for lane in (left, right)]
    return overlap or aside[0] == aside[1]


def _effects(lane: Sequence[Step]) -> dict[object, list[bytes]]:
    sent: dict[object, list[bytes]] = defaultdict(list)
    for step in lane:
        if step.kind == "sent":
            sent[step.fields["recipient"]].append(step.key)
    return sent


def _parting(left: Sequence[Step], right: Sequence[Step], overlap: bool) -> _Parting:
    """Where the lanes part: the first step that the other lane does not have when order says nothing, else by place."""
    if overlap:
        missing, extra = _without(left, right), _without(right, left)
        if missing or extra:
            return missing, extra
    return _first(left, right)


def _first(left: Sequence[Step], right: Sequence[Step]) -> _Parting:
    for one, other in zip_longest(left, right):
        if one is None or other is None or one.key != other.key:
            return one, other
    raise ValueError("the lanes do not differ")


def _without(lane: Sequence[Step], other: Sequence[Step]) -> Step | None:
    """The first step of a lane that the other lane did fewer times."""
    left_over = Counter(_keys(other))
    for step in lane:
        if not left_over[step.key]:
            return step
        left_over[step.key] -= 1
    return None


def _failed(step: Step | None) -> bool:
    match step.event if step else None:
        case ErrorRaised() | SessionEnded(outcome=Outcome.FAILED | Outcome.TIMED_OUT | Outcome.KILLED | Outcome.LOST):
            return True
        case Logged():
            return True
        case _:
            return False


def _field(one: Step | None, other: Step | None) -> str:
    """What differs, by name."""
    if one is None or other is None or one.kind != other.kind:
        return "error" if any(step and step.kind in ("error", "handler error") for step in (one, other)) else "kind"
    for name in [*one.fields, *other.fields]:
        if one.fields.get(name) != other.fields.get(name):
            return name
    return "kind"


def _thrown(events: Sequence[Event]) -> tuple[str, int] | None:
    """The script's file and line of the first failure in these events."""
    for event in events:
        if isinstance(event, ErrorRaised):
            return event.error.file, event.error.line
        if isinstance(event, Logged) and event.text.lstrip().startswith(HANDLER_ERROR):
            return "", event.line
    return None


def _sentence(parting: _Parting, field: str, left_name: str, right_name: str) -> str:
    if field == "order":
        return f"{right_name} did the same things in another order than {left_name}"
    left_told, right_told = (told(step.event if step else None) for step in parting)
    if left_told == right_told:
        left_told, right_told = (f"had {field} {step.fields.get(field)!r}" if step else "" for step in parting)
    return f"{right_name} {right_told}, where {left_name} {left_told}"
