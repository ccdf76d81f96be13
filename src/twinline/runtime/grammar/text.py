"""Matching a message against a grammar.

Comes in: a grammar's options or its matcher of words, once, and messages as people type them. Goes out: what the
message means, or None. Case, width of letters, curled quotes, space, and punctuation at the ends make no
difference; `*` and `#` remain answers of their own.
"""

import re
from collections.abc import Iterator

from twinline.runtime.grammar.folding import ascii_digits, bare, folded
from twinline.runtime.grammar.form import Anything, Digits, Expansion, Means, OneOf, Option, Words
from twinline.runtime.grammar.matching import Matcher
from twinline.runtime.grammar.meaning import Meaning, understood

_SPACED_DIGITS = re.compile(r"\d(?:[ -]?\d)*")
_RUN = re.compile(r"\d+")
_JOINED_DIGITS = re.compile(r"\d+(?:-\d+)*")


class TextMatcher:
    """The options of one simple grammar, arranged for finding a message's choice fast."""

    def __init__(self, options: tuple[Option, ...]) -> None:
        """Arrange the options; the work of one grammar's first use."""
        self._words: dict[str, tuple[int, Meaning]] = {}
        self._digits: list[tuple[int, str | None, str | None, Digits]] = []
        self._anything: tuple[str | None, str | None] | None = None
        literals: list[tuple[str, tuple[int, Meaning]]] = []
        for rank, option in enumerate(options):
            for item, meant in _items(option.items):
                match item:
                    case Words(text):
                        literals.append((folded(text), (rank, Meaning(option.concept, meant or text, None))))
                    case Digits():
                        self._digits.append((rank, option.concept, meant, item))
                    case Anything() if self._anything is None:
                        self._anything = (option.concept, meant)
                    case Anything():
                        pass
                    case _:
                        raise ValueError(f"a simple grammar has no {type(item).__name__}")
        for key, found in literals:
            self._words.setdefault(key, found)
        # A whole spelling beats the bare one: with `c++, c` the message "c" is the second.
        for key, found in literals:
            if plain := bare(key):
                self._words.setdefault(plain, found)

    def match(self, text: str) -> Meaning | None:
        """The first option that the whole message fits; then digits found inside it; then `[ANY]`."""
        message = folded(text)
        if not message:
            return None
        plain = bare(message)
        literal = self._words.get(message) or self._words.get(plain)
        if self._digits and (found := self._match_digits(plain, literal[0] if literal else None)):
            return found
        if literal:
            return literal[1]
        if self._anything:
            concept, meant = self._anything
            return Meaning(concept, meant or text.strip(), None)
        return None

    def _match_digits(self, plain: str, rank: int | None) -> Meaning | None:
        """Digits that are the whole message, before the option of `rank`; when no option fits it all, some within."""
        if _SPACED_DIGITS.fullmatch(plain):
            digits = ascii_digits(plain.replace(" ", "").replace("-", ""))
            for place, concept, meant, item in self._digits:
                if rank is not None and place > rank:
                    break
                if item.least <= len(digits) <= item.most:
                    return Meaning(concept, meant or digits, None)
        if rank is not None:
            return None
        runs = list(_runs(plain))
        for _place, concept, meant, item in self._digits:
            for digits in runs:
                if item.least <= len(digits) <= item.most:
                    return Meaning(concept, meant or digits, None)
        return None


def match_words(matcher: Matcher, text: str) -> Meaning | None:
    """What a message means to a grammar of words in order. Digits written together also count one by one."""
    words = tuple(word for word in (_known(word, matcher) for word in folded(text).split()) if word)
    apart = tuple(symbol for word in words for symbol in _apart(word))
    if not words:
        return None
    return understood(matcher.follow(words).steps or (matcher.follow(apart).steps if apart != words else None))


def _known(word: str, matcher: Matcher) -> str:
    return word if word in matcher.vocabulary else bare(word)


def _apart(word: str) -> tuple[str, ...]:
    return tuple(ascii_digits(word.replace("-", ""))) if _JOINED_DIGITS.fullmatch(word) else (word,)


def _items(items: tuple[Expansion, ...], meant: str | None = None) -> Iterator[tuple[Expansion, str | None]]:
    """Every alternative, with the name of the concept inside the option's own that it belongs to, if any."""
    for item in items:
        match item:
            case Means(OneOf(parts), text):
                yield from _items(parts, meant or text)
            case _:
                yield item, meant


def _runs(text: str) -> Iterator[str]:
    """The unbroken runs of digits in a text."""
    return (ascii_digits(found.group()) for found in _RUN.finditer(text))
