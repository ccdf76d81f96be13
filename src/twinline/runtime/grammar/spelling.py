"""A form written in what its matcher is given: words as typed, keys as pressed, words as spoken.

Comes in: a checked form and an alphabet. Goes out: the same form in which `Words` hold nothing but symbols of that
alphabet with single spaces between them, and from which everything is gone that cannot be given in it. What the
application wrote is kept beside it, as `Means`.
"""

import re
from collections.abc import Callable, Mapping

import msgspec

from twinline.runtime.grammar.english import SPOKEN_DIGITS, spoken_number, spoken_sign
from twinline.runtime.grammar.folding import bare, folded
from twinline.runtime.grammar.form import (
    NULL,
    VOID,
    Anything,
    Digits,
    Expansion,
    Form,
    Means,
    OneOf,
    Option,
    Reference,
    Repeat,
    Sequence,
    Words,
    is_void,
    sequence,
)

_DIGITS = "0123456789"
_KEYS = re.compile(r"[0-9*#]+|[A-D]", re.IGNORECASE)
# VoiceXML's name for a key, which Tropo programs use too: `dtmf-1`.
_NAMED_KEY = re.compile(r"dtmf-(?=[0-9*#A-D]\Z)", re.IGNORECASE)


class Alphabet(msgspec.Struct, frozen=True):
    """A way of answering: how words are given in it, which symbols are digits, whether `[ANY]` can be told in it."""

    spell: Callable[[str], Expansion]
    digits: Mapping[str, str]
    anything: bool


def respelled(form: Form, alphabet: Alphabet) -> Form:
    """The part of a form that can be given in an alphabet, in its symbols."""
    void: set[str] = set()
    rules: dict[str, Expansion] = {}
    for name, rule in form.rules.items():
        rules[name] = _respelled(rule, alphabet, void)
        if is_void(rules[name]):
            void.add(name)
    options = []
    for option in form.options:
        items = tuple(item for item in (_respelled(item, alphabet, void) for item in option.items) if not is_void(item))
        if items:
            options.append(Option(option.concept, items))
    return Form(tuple(options), rules, form.mode)


def _respelled(  # noqa: PLR0911 - one return for each kind is the clearest table
    expansion: Expansion, alphabet: Alphabet, void: set[str]
) -> Expansion:
    match expansion:
        case Words(text):
            spelled = alphabet.spell(text)
            return spelled if is_void(spelled) or spelled == expansion else Means(spelled, text)
        case Digits():
            return expansion if alphabet.digits else VOID
        case Anything():
            return expansion if alphabet.anything else VOID
        case Reference(rule):
            return VOID if rule in void else expansion
        case Sequence(parts):
            respelled = tuple(_respelled(part, alphabet, void) for part in parts)
            return VOID if any(map(is_void, respelled)) else Sequence(respelled)
        case OneOf(parts, weights):
            kept = [
                (part, weight)
                for part, weight in zip(
                    (_respelled(part, alphabet, void) for part in parts), weights or (1.0,) * len(parts), strict=True
                )
                if not is_void(part)
            ]
            return OneOf(tuple(part for part, _ in kept), tuple(weight for _, weight in kept) if weights else ())
        case Repeat(part, least, most):
            inner = _respelled(part, alphabet, void)
            if is_void(inner):
                return VOID if least else NULL
            return Repeat(inner, least, most)
        case Means(part, text):
            inner = _respelled(part, alphabet, void)
            return inner if is_void(inner) else Means(inner, text)
        case _:
            return expansion


def _typed(text: str) -> Expansion:
    # Marks that end a sentence are left out; `c++` and `*` are words of their own.
    words = [word.strip('.,!?;:"') or word for word in folded(_NAMED_KEY.sub("", text)).split()]
    return Words(" ".join(words)) if words else VOID


def _pressed(text: str) -> Expansion:
    keys: list[str] = []
    for word in text.split():
        run = _NAMED_KEY.sub("", word)
        if not run.isascii() or not _KEYS.fullmatch(run):
            return VOID
        keys += run.upper()
    return Words(" ".join(keys))


def _spoken(text: str) -> Expansion:
    parts: list[Expansion] = []
    for word in folded(text).split():
        if _NAMED_KEY.match(word):
            return VOID
        if sign := spoken_sign(word):
            parts.append(sign)
        elif plain := bare(word):
            parts.append(spoken_number(plain) if plain.isascii() and plain.isdigit() else Words(plain))
    return sequence(parts) if parts else VOID


TYPED = Alphabet(_typed, dict(zip(_DIGITS, _DIGITS, strict=True)), anything=True)
PRESSED = Alphabet(_pressed, dict(zip(_DIGITS, _DIGITS, strict=True)), anything=False)
SPOKEN = Alphabet(_spoken, SPOKEN_DIGITS, anything=False)
