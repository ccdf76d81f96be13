"""Following an answer through a grammar, symbol by symbol.

Comes in: a form spelled in one alphabet, once, and answers as symbols of it. Goes out: the steps that the first
matching way takes, and whether a longer answer could still match, which is what keys are collected by.

Every expansion is asked where it can end when it begins at a place, and its answer is kept, so that work grows with
the size of the grammar times that of the answer, whatever the rules say. It is bounded all the same.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

import msgspec

from twinline.runtime.grammar.form import (
    Anything,
    Digits,
    Expansion,
    Form,
    Label,
    Means,
    OneOf,
    Option,
    Reference,
    Repeat,
    Script,
    Sequence,
    Words,
)
from twinline.runtime.grammar.meaning import Concept, Enter, Leave, Said, Step

STEPS_LIMIT = 300_000
"""Places looked at for one answer, about a tenth of a second: no application may hold up the others of its worker."""

LEVELS_LIMIT = 200
"""Expansions inside one another on the way: far above what people write, far below Python's own limit of 1,000."""


PHRASE_LIMIT = 32
"""Symbols of an alternative that is looked up at once; a longer one is compared. Every beginning of it is kept."""


class TooMuch(Exception):
    """The answer cannot be followed within the limits; it counts as one that does not match."""


class Followed(msgspec.Struct, frozen=True):
    """What came of an answer: the way it took (None: it does not match), and whether more symbols could match."""

    steps: tuple[Step, ...] | None
    more: bool


class Matcher:
    """A form in one alphabet, arranged for following answers."""

    def __init__(self, form: Form, digits: Mapping[str, str]) -> None:
        """Arrange a form made by `respelled`; `digits` are the symbols of its alphabet that are digits."""
        self.vocabulary: set[str] = set()
        self._digits = digits
        self._rules = {name: _Rule(name) for name in form.rules}
        for name, expansion in form.rules.items():
            self._rules[name].part = self._arranged(expansion)
        self._whole = _one_of([self._option(option) for option in form.options])

    def follow(self, symbols: tuple[str, ...]) -> Followed:
        """Where an answer leads. One that is beyond the limits matches nothing."""
        run = _Run(symbols)
        try:
            ends = run.ends(self._whole, 0)
            if len(symbols) not in ends:
                return Followed(None, run.more)
            steps: list[Step] = []
            self._whole.derive(run, 0, len(symbols), steps)
        except TooMuch:
            return Followed(None, False)
        return Followed(tuple(steps), run.more)

    def _option(self, option: Option) -> "_Node":
        part = _one_of([self._arranged(item) for item in option.items])
        return part if option.concept is None else _Concept(part, option.concept)

    def _arranged(self, expansion: Expansion) -> "_Node":  # noqa: PLR0911 - one return for each kind is the clearest table
        match expansion:
            case Words(text):
                return self._symbols(text, text)
            case Means(Words(text), meant):
                return self._symbols(text, meant)
            case Means(part, meant):
                return _Meant(self._arranged(part), meant)
            case Digits(least, most):
                return _Digits(self._digits, least, most)
            case Anything():
                return _Anything()
            case Sequence(parts):
                return _Sequence([self._arranged(part) for part in parts])
            case OneOf(parts):
                return _one_of([self._arranged(part) for part in parts])
            case Repeat(part, least, most):
                return _Repeat(self._arranged(part), least, most)
            case Reference(rule):
                return self._rules[rule]
            case Label() | Script():
                return _Tag(expansion)

    def _symbols(self, text: str, written: str) -> "_Node":
        symbols = tuple(text.split())
        self.vocabulary.update(symbols)
        return _Symbols(symbols, written)


class _Run:
    """One answer on its way. `more`: some expansion could have gone on where the answer stopped."""

    def __init__(self, symbols: tuple[str, ...]) -> None:
        self.symbols = symbols
        self.more = False
        self._known: dict[tuple[_Node, int], tuple[int, ...]] = {}
        self._steps = 0
        self._level = 0

    def ends(self, node: "_Node", at: int) -> tuple[int, ...]:
        """Where a node can end when it begins at a place, the preferred end first."""
        key = (node, at)
        known = self._known.get(key)
        if known is not None:
            self._spend(len(known))
            return known
        # A rule that came back to itself without a symbol in between finds this, and stops.
        self._known[key] = ()
        self._level += 1
        if self._level > LEVELS_LIMIT:
            raise TooMuch
        found = node.ends(self, at)
        self._level -= 1
        self._spend(len(found))
        self._known[key] = found
        return found

    def _spend(self, ends: int) -> None:
        self._steps += 1 + ends
        if self._steps > STEPS_LIMIT:
            raise TooMuch


class _Node(ABC):
    """An expansion, arranged."""

    __slots__ = ("phrases",)

    phrases: tuple[tuple[str, ...], ...] | None
    """All that it matches, where that is a list of phrases; None when it is more than that."""

    @abstractmethod
    def ends(self, run: _Run, at: int) -> tuple[int, ...]:
        """Where it can end when it begins at a place."""

    @abstractmethod
    def derive(self, run: _Run, at: int, end: int, steps: list[Step]) -> None:
        """Add the steps of its first way from one place to the other; there is one."""


class _Symbols(_Node):
    __slots__ = ("symbols", "written")

    def __init__(self, symbols: tuple[str, ...], written: str) -> None:
        self.symbols = symbols
        self.written = written
        self.phrases = _phrases(symbols)

    def ends(self, run: _Run, at: int) -> tuple[int, ...]:
        end = at + len(self.symbols)
        here = run.symbols[at:end]
        if here == self.symbols:
            return (end,)
        if end > len(run.symbols) and here == self.symbols[: len(here)]:
            run.more = True
        return ()

    def derive(self, run: _Run, at: int, end: int, steps: list[Step]) -> None:
        steps.append(Said(self.written))


class _Digits(_Node):
    __slots__ = ("digits", "least", "most")

    def __init__(self, digits: Mapping[str, str], least: int, most: int) -> None:
        self.digits = digits
        self.least = least
        self.most = most
        self.phrases = None

    def ends(self, run: _Run, at: int) -> tuple[int, ...]:
        count, symbols = 0, run.symbols
        while count < self.most and at + count < len(symbols) and symbols[at + count] in self.digits:
            count += 1
        if count < self.most and at + count == len(symbols):
            run.more = True
        return tuple(range(at + count, at + self.least - 1, -1))

    def derive(self, run: _Run, at: int, end: int, steps: list[Step]) -> None:
        steps.append(Said("".join(self.digits[symbol] for symbol in run.symbols[at:end])))


class _Anything(_Node):
    __slots__ = ()

    def __init__(self) -> None:
        self.phrases = None

    def ends(self, run: _Run, at: int) -> tuple[int, ...]:
        run.more = True
        return tuple(range(len(run.symbols), at, -1))

    def derive(self, run: _Run, at: int, end: int, steps: list[Step]) -> None:
        steps.append(Said(" ".join(run.symbols[at:end])))


class _Tag(_Node):
    __slots__ = ("tag",)

    def __init__(self, tag: Label | Script) -> None:
        self.tag = tag
        self.phrases = ((),)

    def ends(self, run: _Run, at: int) -> tuple[int, ...]:
        return (at,)

    def derive(self, run: _Run, at: int, end: int, steps: list[Step]) -> None:
        steps.append(self.tag)


class _Sequence(_Node):
    __slots__ = ("parts",)

    def __init__(self, parts: list[_Node]) -> None:
        self.parts = parts
        self.phrases = None
        phrase: list[str] = []
        for part in parts:
            # Several phrases for several parts would have to be multiplied out.
            if part.phrases is None or len(part.phrases) != 1:
                return
            phrase += part.phrases[0]
        self.phrases = _phrases(tuple(phrase))

    def ends(self, run: _Run, at: int) -> tuple[int, ...]:
        here = {at: at}
        for part in self.parts:
            here = _onward(run, part, here)
        return tuple(here)

    def derive(self, run: _Run, at: int, end: int, steps: list[Step]) -> None:
        # Layer by layer, each place with the first one that leads to it; then back from the end.
        layers: list[dict[int, int]] = [{at: at}]
        for part in self.parts:
            layers.append(_onward(run, part, layers[-1]))
        _derive_along(run, self.parts, layers, end, steps)


class _Repeat(_Node):
    __slots__ = ("least", "most", "part")

    def __init__(self, part: _Node, least: int, most: int | None) -> None:
        self.part = part
        self.least = least
        self.most = most
        self.phrases = None

    def ends(self, run: _Run, at: int) -> tuple[int, ...]:
        found: dict[int, None] = {} if self.least else {at: None}
        here, count = {at: at}, 0
        while here and (self.most is None or count < self.most):
            count += 1
            here = _onward(run, self.part, here)
            if count >= self.least:
                # A place reached with fewer repetitions has no more to tell.
                here = {place: before for place, before in here.items() if place not in found}
                found |= dict.fromkeys(here)
        return tuple(reversed(found))

    def derive(self, run: _Run, at: int, end: int, steps: list[Step]) -> None:
        layers: list[dict[int, int]] = [{at: at}]
        seen: set[int] = set()
        while len(layers) <= self.least or end not in layers[-1]:
            if len(layers) > self.least:
                seen |= layers[-1].keys()
            onward = _onward(run, self.part, layers[-1])
            layers.append({place: before for place, before in onward.items() if place not in seen})
        _derive_along(run, [self.part] * (len(layers) - 1), layers, end, steps)


class _OneOf(_Node):
    """Alternatives. Those that are phrases are looked up, so that a long list costs as little as a short one."""

    __slots__ = ("begun", "by_phrase", "lengths", "others", "parts")

    def __init__(self, parts: list[_Node]) -> None:
        self.parts = parts
        self.others = [rank for rank, part in enumerate(parts) if part.phrases is None]
        self.by_phrase: dict[tuple[str, ...], list[int]] = {}
        for rank, part in enumerate(parts):
            for phrase in part.phrases or ():
                self.by_phrase.setdefault(phrase, []).append(rank)
        self.lengths = sorted({len(phrase) for phrase in self.by_phrase})
        self.begun = {phrase[:length] for phrase in self.by_phrase for length in range(len(phrase))}
        self.phrases = None if self.others else tuple(self.by_phrase)

    def ends(self, run: _Run, at: int) -> tuple[int, ...]:
        if self.lengths and len(run.symbols) - at < self.lengths[-1] and run.symbols[at:] in self.begun:
            run.more = True
        found: dict[int, None] = {}
        for part in self._possible(run, at):
            found |= dict.fromkeys(run.ends(part, at))
        return tuple(found)

    def derive(self, run: _Run, at: int, end: int, steps: list[Step]) -> None:
        part = next(part for part in self._possible(run, at) if end in run.ends(part, at))
        part.derive(run, at, end, steps)

    def _possible(self, run: _Run, at: int) -> Iterable[_Node]:
        ranks = list(self.others)
        for length in self.lengths:
            ranks += self.by_phrase.get(run.symbols[at : at + length], ())
        return (self.parts[rank] for rank in sorted(set(ranks)))


class _Within(_Node):
    """A node around another one."""

    __slots__ = ("part",)

    def __init__(self, part: _Node) -> None:
        self.part = part
        self.phrases = part.phrases

    def ends(self, run: _Run, at: int) -> tuple[int, ...]:
        return run.ends(self.part, at)


class _Meant(_Within):
    __slots__ = ("text",)

    def __init__(self, part: _Node, text: str) -> None:
        super().__init__(part)
        self.text = text

    def derive(self, run: _Run, at: int, end: int, steps: list[Step]) -> None:
        steps.append(Said(self.text))


class _Concept(_Within):
    __slots__ = ("name",)

    def __init__(self, part: _Node, name: str) -> None:
        super().__init__(part)
        self.name = name

    def derive(self, run: _Run, at: int, end: int, steps: list[Step]) -> None:
        steps.append(Concept(self.name))
        self.part.derive(run, at, end, steps)


class _Rule(_Node):
    """A rule; its part is set when all rules are there, since rules refer to one another."""

    __slots__ = ("name", "part")

    part: _Node

    def __init__(self, name: str) -> None:
        self.name = name
        self.phrases = None

    def ends(self, run: _Run, at: int) -> tuple[int, ...]:
        return run.ends(self.part, at)

    def derive(self, run: _Run, at: int, end: int, steps: list[Step]) -> None:
        steps.append(Enter())
        self.part.derive(run, at, end, steps)
        steps.append(Leave(self.name))


def _phrases(symbols: tuple[str, ...]) -> tuple[tuple[str, ...]] | None:
    return (symbols,) if len(symbols) <= PHRASE_LIMIT else None


def _one_of(parts: list[_Node]) -> _Node:
    return parts[0] if len(parts) == 1 else _OneOf(parts)


def _onward(run: _Run, part: _Node, here: Iterable[int]) -> dict[int, int]:
    """Where a part leads from several places, each end with the first place that leads to it."""
    reached: dict[int, int] = {}
    for place in here:
        for end in run.ends(part, place):
            reached.setdefault(end, place)
    return reached


def _derive_along(run: _Run, parts: list[_Node], layers: list[dict[int, int]], end: int, steps: list[Step]) -> None:
    """The steps of parts in a row, whose layers lead to `end`."""
    places = [end]
    for layer in reversed(layers[1:]):
        places.append(layer[places[-1]])
    places.reverse()
    for part, begun, ended in zip(parts, places, places[1:], strict=False):
        part.derive(run, begun, ended, steps)
