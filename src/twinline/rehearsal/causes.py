"""Why sessions regressed, so that what one change broke is told once.

Comes in: the lanes of a unit and where they part; later, all applications' results. Goes out: a `Cause` without the
unit's own data, and groups of regressions that share one.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

import msgspec

from twinline.model.applications import LANGUAGE_BY_SUFFIX
from twinline.model.builds import ComponentName
from twinline.model.messages import LaneResult
from twinline.model.rehearsal import (
    ApplicationResult,
    ApplicationVerdict,
    Cause,
    CauseGroup,
    Lane,
    UnitClass,
    UnitResult,
)
from twinline.model.transcript import ErrorRaised, Event, Logged, SessionStarted, VerbStarted, kind
from twinline.rehearsal.comparison import Comparison
from twinline.rehearsal.steps import HANDLER_ERROR

_LANGUAGES = frozenset({ComponentName.PYTHON, ComponentName.JAVASCRIPT, ComponentName.RUBY, ComponentName.PHP})

_DATA = re.compile(r"\d+")

_NO_SESSION = "set-up"
"""The kind of a cause when the candidate had no session at all."""


def cause(baseline: LaneResult | None, candidate: LaneResult, finding: Comparison) -> Cause:
    """What a candidate that regressed has in common with others. `baseline` is None when that lane did not run."""
    before = baseline.transcript if baseline else ()
    component = _component(before, candidate.transcript)
    if candidate.trouble:
        return Cause(component, _plain(candidate.trouble), _NO_SESSION, "")
    known = set(_errors(before[finding.left :]))
    new = [error for error in _errors(candidate.transcript[finding.right :]) if error not in known]
    parted = finding.divergence
    event = (parted.right or parted.left) if parted else None
    return Cause(component, new[0] if new else "", kind(event) if event else "error", parted.field if parted else "")


def grouped(applications: Iterable[ApplicationResult]) -> tuple[CauseGroup, ...]:
    """The regressions of all applications by cause, the one that concerns most applications first."""
    found: dict[Cause, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for application in applications:
        for unit in application.units:
            if unit.cause is not None and counts(unit, application.verdict):
                found[unit.cause][application.application].append(unit.unit)
    groups = [
        CauseGroup(cause, _sentence(cause), {name: tuple(units) for name, units in sorted(members.items())})
        for cause, members in found.items()
    ]
    return tuple(sorted(groups, key=lambda it: (-len(it.applications), -_size(it), msgspec.structs.astuple(it.cause))))


def counts(unit: UnitResult, verdict: ApplicationVerdict) -> bool:
    """Whether a unit is one of the regressions of an application with this verdict: it repeated, or it came and went
    and the application is regressed by its rate."""
    if unit.verdict is UnitClass.REGRESSED:
        return True
    return verdict is ApplicationVerdict.REGRESSED and Lane.CANDIDATE in unit.odd


def _size(group: CauseGroup) -> int:
    return sum(len(units) for units in group.applications.values())


def _sentence(cause: Cause) -> str:
    since = f", with {cause.component}" if cause.component else ""
    if cause.kind == _NO_SESSION:
        return f"cannot be set up: {cause.error}{since}"
    return (cause.error or _difference(cause)) + since


def _difference(cause: Cause) -> str:
    if cause.field == "kind":
        return f"{cause.kind} in place of something else"
    return f"another {cause.field.removeprefix('arguments.')} ({cause.kind})"


def _component(before: Sequence[Event], after: Sequence[Event]) -> str:
    """What changed between the builds of two lanes and takes part in such a session: not another language."""
    old, new = _components(before), _components(after)
    languages = _languages((*before, *after)) or _LANGUAGES
    changed = [
        f"{name} {old.get(name, 'none')} → {new.get(name, 'none')}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name) and name not in _LANGUAGES - languages
    ]
    return ", ".join(changed)


def _components(transcript: Sequence[Event]) -> dict[str, str]:
    started = transcript[0] if transcript else None
    return started.components if isinstance(started, SessionStarted) else {}


def _languages(events: Iterable[Event]) -> frozenset[str]:
    """What the script is written in, by the names of its files."""
    files = {event.file for event in events if isinstance(event, VerbStarted)}
    files |= {event.error.file for event in events if isinstance(event, ErrorRaised)}
    known = (LANGUAGE_BY_SUFFIX.get(PurePosixPath(file).suffix) for file in files)
    return frozenset(language.value for language in known if language)


def _errors(events: Iterable[Event]) -> list[str]:
    """What was thrown, in order, whether or not a handler's error was swallowed."""
    thrown = []
    for event in events:
        match event:
            case ErrorRaised(error=error):
                thrown.append(_plain(f"{error.type}: {error.message}"))
            case Logged(text=text) if text.lstrip().startswith(HANDLER_ERROR):
                thrown.append(_plain(text.lstrip().removeprefix(HANDLER_ERROR).lstrip(" :")))
            case _:
                pass
    return thrown


def _plain(words: str) -> str:
    """Without the data in it: another session's parcel has another number."""
    return _DATA.sub("#", " ".join(words.split()))
