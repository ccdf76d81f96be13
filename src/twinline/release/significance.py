"""How much a build changes: computed from what is in it and what was in the one before, only ever raised by people.

Comes in: the contents of two builds. Goes out: a `Significance`. One table says what a changed part of a version means
for each sort of component; it covers every component and every part.
"""

import re
from enum import IntEnum

import msgspec

from twinline.model.builds import ComponentName, Significance
from twinline.model.errors import Refused

PATCH, FEATURE, SIGNIFICANT = Significance.PATCH, Significance.FEATURE, Significance.SIGNIFICANT

RANK = {PATCH: 0, FEATURE: 1, SIGNIFICANT: 2}
"""From least to most."""


class Contents(msgspec.Struct, frozen=True):
    """What a build holds: its components, and the packages that hosted Python scripts can import (name to version)."""

    components: dict[ComponentName, str]
    packages: dict[str, str] = {}


class Part(IntEnum):
    """The part of a version in which two versions first differ, or that one of them is not there."""

    MAJOR = 0
    MINOR = 1
    MICRO = 2
    REST = 3
    ADDED = 4
    REMOVED = 5


_INTERPRETER = (SIGNIFICANT, SIGNIFICANT, PATCH, PATCH, FEATURE, SIGNIFICANT)
_ENGINE = (SIGNIFICANT, SIGNIFICANT, SIGNIFICANT, FEATURE, FEATURE, SIGNIFICANT)
_OURS = (SIGNIFICANT, FEATURE, PATCH, PATCH, FEATURE, SIGNIFICANT)
_PACKAGE = (FEATURE, FEATURE, PATCH, PATCH, FEATURE, FEATURE)

TABLE: dict[ComponentName, tuple[Significance, ...]] = {
    ComponentName.RUNTIME: _OURS,
    ComponentName.PYTHON: _INTERPRETER,
    ComponentName.JAVASCRIPT: _INTERPRETER,
    ComponentName.RUBY: _INTERPRETER,
    ComponentName.PHP: _INTERPRETER,
    ComponentName.SYNTHESIS: _ENGINE,
    ComponentName.RECOGNITION: _ENGINE,
}
"""For each component, what a difference in each `Part` means, in that order. A speech engine hears or sounds
different after the smallest release, an interpreter does not break scripts in its last part."""


def differing_part(before: str | None, after: str | None) -> Part | None:
    """The part in which two versions first differ; None when they are the same."""
    if before == after:
        return None
    if before is None or after is None:
        return Part.ADDED if before is None else Part.REMOVED
    pairs = zip(_parts(before), _parts(after), strict=True)
    return next((Part(index) for index, (left, right) in enumerate(pairs) if left != right), Part.REST)


def compute(before: Contents | None, after: Contents) -> Significance:
    """The significance of going from one build to another; the first build of all is significant."""
    if before is None:
        return SIGNIFICANT
    found = [PATCH]
    for name, meaning in TABLE.items():
        part = differing_part(before.components.get(name), after.components.get(name))
        if part is not None:
            found.append(meaning[part])
    for package in before.packages.keys() | after.packages.keys():
        part = differing_part(before.packages.get(package), after.packages.get(package))
        if part is not None:
            found.append(_PACKAGE[part])
    return most(*found)


def most(*significances: Significance) -> Significance:
    """The highest of several."""
    return max(significances, key=RANK.__getitem__)


def raised(current: Significance, wanted: Significance) -> Significance:
    """What a person may make of it. Raises Refused when that would be lower than it is."""
    if RANK[wanted] < RANK[current]:
        raise Refused(
            f"a build that is {current} cannot become {wanted}",
            where="significance",
            mend="significance is computed from the components and only ever raised; override the soak gate instead",
        )
    return wanted


def _parts(version: str) -> list[str]:
    """`22.20.0+abc` as 22, 20, 0, +abc: three numbers and whatever follows them."""
    release = re.match(r"\d+(?:\.\d+){0,2}", version)
    numbers = release[0].split(".") if release else []
    rest = version[release.end() :] if release else version
    return [*(number.lstrip("0") or "0" for number in numbers), *["0"] * (3 - len(numbers)), rest]
