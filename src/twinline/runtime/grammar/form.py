"""The form every grammar is brought into, whatever it was written in.

Comes in: what a reader of a notation found. Goes out: frozen options and rules for the matchers of text, keys and
speech, and for the writer of JSGF. The order of alternatives is the order they were written in: where two match,
the first wins.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

import msgspec

from twinline.model.errors import Mistake

DIGITS_LIMIT = 255
"""Digits one answer may have: the widest range found in Tropo programs is `[1-255 DIGITS]`."""

REPEAT_LIMIT = 255
"""The highest bound of a repetition, so that one digit may be repeated as often as `[1-255 DIGITS]` repeats it."""

NESTING_LIMIT = 64
"""Expansions inside one another in one rule. People write four or five; generators of grammars some twenty."""

PARTS_LIMIT = 50_000
"""Expansions of one grammar: a list of 10,000 towns with a tag each has 40,000."""


class GrammarError(Mistake):
    """The choices of an application cannot be read. `where` holds the line and column."""


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where something stands in the choices, counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"choices, line {self.line}, column {self.column}"


class Words(msgspec.Struct, frozen=True, gc=False):
    """Exactly these words, as the application wrote them."""

    text: str


class Digits(msgspec.Struct, frozen=True, gc=False):
    """Between `least` and `most` digits, one after the other."""

    least: int
    most: int


class Anything(msgspec.Struct, frozen=True, gc=False):
    """Any answer, or part of one, that is not empty."""


class Sequence(msgspec.Struct, frozen=True, gc=False):
    """All parts, one after the other. Without parts it is matched by nothing at all."""

    parts: tuple["Expansion", ...]


class OneOf(msgspec.Struct, frozen=True, gc=False):
    """One of the parts. Without parts it can never match. `weights` is empty, or has one for each part."""

    parts: tuple["Expansion", ...]
    weights: tuple[float, ...] = ()


class Repeat(msgspec.Struct, frozen=True, gc=False):
    """The part, between `least` and `most` times; `most` None: as often as it comes."""

    part: "Expansion"
    least: int
    most: int | None


class Means(msgspec.Struct, frozen=True, gc=False):
    """The part, but understood as `text` instead of the words that matched."""

    part: "Expansion"
    text: str


class Reference(msgspec.Struct, frozen=True, gc=False):
    """Another rule, or the same one again; `place` is where it is named."""

    rule: str
    place: Place


class Label(msgspec.Struct, frozen=True, gc=False):
    """A tag of JSGF: matched by nothing; the labels on the way that an answer takes are its meaning, in order."""

    text: str


class Property(msgspec.Struct, frozen=True, gc=False):
    """`name.path…`: a value in the scope of a tag, such as `rules.city.code`."""

    path: tuple[str, ...]


class Construct(msgspec.Struct, frozen=True, gc=False):
    """`{name: sum, …}`: an object made in a tag."""

    properties: tuple[tuple[str, "Sum"], ...]


class Sum(msgspec.Struct, frozen=True, gc=False):
    """`term + term …`, as ECMAScript adds: numbers are added, all else is joined as text."""

    terms: tuple["str | float | bool | Property | Construct | Sum | None", ...]


class Assign(msgspec.Struct, frozen=True, gc=False):
    """`target = value`, or `target += value` when it adds."""

    target: tuple[str, ...]
    adds: bool
    value: Sum


class Script(msgspec.Struct, frozen=True, gc=False):
    """A tag of SRGS: matched by nothing; its statements compute the value of the rule that it stands in."""

    statements: tuple[Assign, ...]


Expansion = Words | Digits | Anything | Sequence | OneOf | Repeat | Means | Reference | Label | Script
"""What a part of an answer can be."""

ANYTHING = Anything()
NULL = Sequence(())
VOID = OneOf(())


class Option(msgspec.Struct, frozen=True, gc=False):
    """What one answer means and how it may be given. `concept` None: the answer stands for itself."""

    concept: str | None
    items: tuple[Expansion, ...]


class Mode(StrEnum):
    """The way of answering that a grammar was written for, where it says so."""

    KEYS = "keys"
    SPEECH = "speech"


class Form(msgspec.Struct, frozen=True):
    """A whole grammar. `rules` is empty for the simple notation; `mode` None: keys and speech both count.

    In a checked form each rule comes after those it refers to, but for the ones that refer back to it.
    """

    options: tuple[Option, ...]
    rules: Mapping[str, Expansion] = {}
    mode: Mode | None = None


def sequence(parts: Iterable[Expansion]) -> Expansion:
    """The parts in order, made simple: neighbouring words become one, a single part stands alone."""
    kept: list[Expansion] = []
    for part in parts:
        for inner in part.parts if isinstance(part, Sequence) else (part,):
            last = kept[-1] if kept else None
            if isinstance(inner, Words) and isinstance(last, Words):
                kept[-1] = Words(f"{last.text} {inner.text}")
            else:
                kept.append(inner)
    return kept[0] if len(kept) == 1 else Sequence(tuple(kept))


def is_void(expansion: Expansion) -> bool:
    """Whether it can never match."""
    return isinstance(expansion, OneOf) and not expansion.parts


def children(expansion: Expansion) -> tuple[Expansion, ...]:
    """The expansions right inside one."""
    if isinstance(expansion, Sequence | OneOf):
        return expansion.parts
    return (expansion.part,) if isinstance(expansion, Repeat | Means) else ()


def walk(expansion: Expansion) -> Iterator[tuple[Expansion, int]]:
    """Every expansion inside one and itself, with its depth from 1. Needs no stack, whatever the depth."""
    waiting = [(expansion, 1)]
    while waiting:
        here, depth = waiting.pop()
        yield here, depth
        if inside := children(here):
            waiting += [(child, depth + 1) for child in inside]
