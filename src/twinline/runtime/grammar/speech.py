"""Understanding the words of a recogniser.

Comes in: a grammar's matcher of spoken words, and what was heard, from our own recogniser (small letters, numbers
as words) or another's (`94070`, `Yes.`). Goes out: what it means, or None.
"""

from twinline.runtime.grammar.english import SPOKEN_DIGITS
from twinline.runtime.grammar.folding import ascii_digits, bare, folded
from twinline.runtime.grammar.matching import Matcher
from twinline.runtime.grammar.meaning import Meaning, understood

_SAID = {digit: word for word, digit in SPOKEN_DIGITS.items() if word != "oh"}


def match_spoken(matcher: Matcher, words: str) -> Meaning | None:
    """What spoken words mean; digits written as such are taken one by one, hyphens as spaces where that is known."""
    symbols: list[str] = []
    for word in folded(words).split():
        plain = word if word in matcher.vocabulary else bare(word)
        if plain.isdecimal():
            symbols += (_SAID[digit] for digit in ascii_digits(plain))
        elif plain in matcher.vocabulary or "-" not in plain:
            symbols += [plain] if plain else []
        else:
            symbols += plain.replace("-", " ").split()
    return understood(matcher.follow(tuple(symbols)).steps) if symbols else None
