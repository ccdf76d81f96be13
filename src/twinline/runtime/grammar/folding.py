"""What two spellings of the same words have in common.

Comes in: words as people and programs write them. Goes out: the same words without what makes no difference: case,
width of letters, curled quotes, the amount of space, and punctuation at the ends.
"""

import unicodedata

# Quotes as telephones curl them, and the marks that choose between two shapes of an emoji.
_STRAIGHT = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"", "\ufe0e\ufe0f")


def folded(text: str) -> str:
    """A text in one case and width, with single spaces."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.translate(_STRAIGHT)).casefold())
        return " ".join(text.split())
    return " ".join(text.lower().split())


def bare(text: str) -> str:
    """A text without punctuation, symbols and space at its ends."""
    first, last = 0, len(text)
    while first < last and _is_edge(text[first]):
        first += 1
    while last > first and _is_edge(text[last - 1]):
        last -= 1
    return text[first:last]


def ascii_digits(digits: str) -> str:
    """Digits of any script as 0 to 9."""
    return digits if digits.isascii() else "".join(str(unicodedata.decimal(digit)) for digit in digits)


def _is_edge(character: str) -> bool:
    return not character.isalnum() and unicodedata.category(character)[0] in "PSZC"
