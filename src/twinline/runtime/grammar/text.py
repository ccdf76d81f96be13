"""Matching a message against the options of a grammar.

Comes in: options, once, and messages as people type them. Goes out: the choice made, or None. Case, width of letters,
curled quotes, space, and punctuation at the ends make no difference; `*` and `#` remain answers of their own.
"""

import re
import unicodedata
from collections.abc import Iterator

from twinline.model.transcript import Choice
from twinline.runtime.grammar.form import Anything, Digits, Option, Words

# Quotes as telephones curl them, and the marks that choose between two shapes of an emoji.
_STRAIGHT = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"", "\ufe0e\ufe0f")
_SPACED_DIGITS = re.compile(r"\d(?:[ -]?\d)*")
_RUN = re.compile(r"\d+")


class TextMatcher:
    """The options of one grammar, arranged for finding a message's choice fast."""

    def __init__(self, options: tuple[Option, ...]) -> None:
        """Arrange the options; the work of one grammar's first use."""
        self._words: dict[str, tuple[int, str, str]] = {}
        self._digits: list[tuple[int, str | None, Digits]] = []
        self._anything: tuple[str | None] | None = None
        literals: list[tuple[str, tuple[int, str, str]]] = []
        for rank, option in enumerate(options):
            for item in option.items:
                match item:
                    case Words(text):
                        literals.append((_folded(text), (rank, option.concept or text, text)))
                    case Digits():
                        self._digits.append((rank, option.concept, item))
                    case Anything() if self._anything is None:
                        self._anything = (option.concept,)
                    case Anything():
                        pass
        for key, meaning in literals:
            self._words.setdefault(key, meaning)
        # A whole spelling beats the bare one: with `c++, c` the message "c" is the second.
        for key, meaning in literals:
            if bare := _bare(key):
                self._words.setdefault(bare, meaning)

    def match(self, text: str) -> Choice | None:
        """The first option that the whole message fits; then digits found inside it; then `[ANY]`."""
        folded = _folded(text)
        if not folded:
            return None
        bare = _bare(folded)
        literal = self._words.get(folded) or self._words.get(bare)
        if self._digits and (found := self._match_digits(bare, literal[0] if literal else None)):
            concept, digits = found
            return Choice(concept or digits, digits, text)
        if literal:
            return Choice(literal[1], literal[2], text)
        if self._anything:
            words = text.strip()
            return Choice(self._anything[0] or words, words, text)
        return None

    def _match_digits(self, bare: str, rank: int | None) -> tuple[str | None, str] | None:
        """Digits that are the whole message, before the option of `rank`; when no option fits it all, some within."""
        if _SPACED_DIGITS.fullmatch(bare):
            digits = _ascii(bare.replace(" ", "").replace("-", ""))
            for place, concept, item in self._digits:
                if rank is not None and place > rank:
                    break
                if item.least <= len(digits) <= item.most:
                    return concept, digits
        if rank is not None:
            return None
        runs = list(_runs(bare))
        for _place, concept, item in self._digits:
            for digits in runs:
                if item.least <= len(digits) <= item.most:
                    return concept, digits
        return None


def _runs(text: str) -> Iterator[str]:
    """The unbroken runs of digits in a text."""
    return (_ascii(found.group()) for found in _RUN.finditer(text))


def _ascii(digits: str) -> str:
    """Digits of any script as 0 to 9."""
    return digits if digits.isascii() else "".join(str(unicodedata.decimal(digit)) for digit in digits)


def _folded(text: str) -> str:
    """What two spellings of the same words have in common."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.translate(_STRAIGHT)).casefold())
        return " ".join(text.split())
    return " ".join(text.lower().split())


def _bare(text: str) -> str:
    """A text without punctuation, symbols and space at its ends."""
    first, last = 0, len(text)
    while first < last and _is_edge(text[first]):
        first += 1
    while last > first and _is_edge(text[last - 1]):
        last -= 1
    return text[first:last]


def _is_edge(character: str) -> bool:
    return not character.isalnum() and unicodedata.category(character)[0] in "PSZC"
