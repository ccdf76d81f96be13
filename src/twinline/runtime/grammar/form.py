"""The form every grammar is brought into, whatever it was written in.

Comes in: what a reader of a notation found. Goes out: frozen options for the matchers of text, keys and speech, and for
writers of other notations. The order of options is the order they were written in: where two match, the first wins.
"""

import msgspec

from twinline.model.errors import Mistake

DIGITS_LIMIT = 255
"""Digits one answer may have: the widest range found in Tropo programs is `[1-255 DIGITS]`."""


class GrammarError(Mistake):
    """The choices of an application cannot be read. `where` holds the line and column."""


class Words(msgspec.Struct, frozen=True, tag="words"):
    """Exactly these words, as the application wrote them."""

    text: str


class Digits(msgspec.Struct, frozen=True, tag="digits"):
    """Between `least` and `most` digits, one after the other."""

    least: int
    most: int


class Anything(msgspec.Struct, frozen=True, tag="anything"):
    """Any answer that is not empty."""


ANYTHING = Anything()

Item = Words | Digits | Anything
"""One alternative."""


class Option(msgspec.Struct, frozen=True):
    """What one answer means and how it may be given. `concept` None: the answer stands for itself."""

    concept: str | None
    items: tuple[Item, ...]
