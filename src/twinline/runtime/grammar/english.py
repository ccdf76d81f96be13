"""How numbers and signs are said in English, the one language that the recogniser has a dictionary of.

Comes in: digits, `*`, `#`, `&`. Goes out: expansions of the words that people say for them, in small letters.
"""

from collections.abc import Mapping

from twinline.runtime.grammar.form import Expansion, OneOf, Words, sequence

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen"),
    *("fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

SPOKEN_DIGITS: Mapping[str, str] = {**{word: str(digit) for digit, word in enumerate(_ONES[:10])}, "oh": "0"}
"""Each word for one digit, and the digit."""

_SIGNS: Mapping[str, Expansion] = {
    "*": Words("star"),
    "#": OneOf((Words("pound"), Words("hash"))),
    "&": Words("and"),
}


def spoken_sign(sign: str) -> Expansion | None:
    """What a sign is called; None when it has no name."""
    return _SIGNS.get(sign)


def spoken_digit(digit: str) -> Expansion:
    """One digit, 0 being both `zero` and `oh`."""
    return OneOf((Words("zero"), Words("oh"))) if digit == "0" else Words(_ONES[int(digit)])


def spoken_number(digits: str) -> Expansion:
    """Digits one by one, or as the number they are: `12` is `twelve` or `one two`, `1980` also `nineteen eighty`."""
    one_by_one = sequence(spoken_digit(digit) for digit in digits)
    whole = _whole(digits) if digits[0] != "0" else None
    return OneOf((Words(whole), one_by_one)) if whole else one_by_one


def _whole(digits: str) -> str | None:
    match len(digits):
        case 2:
            return _below_hundred(digits)
        case 3:
            rest = f" {_below_hundred(digits[1:])}" if digits[1:] != "00" else ""
            return f"{_ONES[int(digits[0])]} hundred{rest}"
        case 4 if digits[2] != "0":
            return f"{_below_hundred(digits[:2])} {_below_hundred(digits[2:])}"
        case _:
            return None


def _below_hundred(digits: str) -> str:
    number = int(digits)
    if number < 20:
        return _ONES[number]
    tens = _TENS[number // 10 - 2]
    return f"{tens} {_ONES[number % 10]}" if number % 10 else tens
