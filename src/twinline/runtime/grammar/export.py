"""A grammar written as JSGF, for a recogniser.

Comes in: a form spelled as it is spoken. Goes out: JSGF text whose one public rule, `choices`, takes the same
words. Concepts and labels go with it as tags; scripts do not. A repetition of more than 32 has no upper bound
there: the recogniser's dictionary of ways stays small, and whoever matches its words still holds the bound.
"""

import re

from twinline.runtime.grammar.english import spoken_digit
from twinline.runtime.grammar.form import (
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

COPIES_LIMIT = 32
"""How often a repeated part is written out. The longest number that people say has 19 digits (a payment card's)."""

_PLAIN = re.compile(r"[^\s;=|*+<>()\[\]{}/\"\\]+")
_SPECIAL = re.compile(r'(["\\])')
_BRACE = re.compile(r"([{}\\])")
_DIGIT = "<digit>"
_NULL = "<NULL>"


def written_jsgf(form: Form) -> str:
    """The JSGF of a form whose words are spelled as they are spoken."""
    return _Writer(form).written()


class _Writer:
    """The rules of one grammar while they are written."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._names = {name: f"<rule{number}>" for number, name in enumerate(form.rules, 1)}
        self._helpers: list[str] = []
        self._digits = False

    def written(self) -> str:
        rules = [f"{self._names[name]} = {self._alternatives(rule)};" for name, rule in self._form.rules.items()]
        choices = " | ".join(map(self._option, self._form.options))
        rules += [f"<part{number}> = {helper};" for number, helper in enumerate(self._helpers, 1)]
        if self._digits:
            rules.append(f"{_DIGIT} = {' | '.join(self._alternatives(spoken_digit(digit)) for digit in '0123456789')};")
        head = ["#JSGF V1.0 UTF-8;", "grammar twinline;", f"public <choices> = {choices};"]
        return "\n".join(head + rules) + "\n"

    def _option(self, option: Option) -> str:
        items = " | ".join(map(self._alternatives, option.items))
        return items if option.concept is None else f"( {items} ) {_tag(option.concept)}"

    def _alternatives(self, expansion: Expansion) -> str:
        """An expansion where alternatives may stand: as a rule, or between brackets."""
        match expansion:
            case OneOf((), _):
                return "<VOID>"
            case OneOf(parts, ()):
                return " | ".join(map(self._sequence, parts))
            case OneOf(parts, weights):
                pairs = zip(parts, weights, strict=True)
                return " | ".join(f"/{weight:.6f}/ {self._sequence(part)}" for part, weight in pairs)
            case _:
                return self._sequence(expansion)

    def _sequence(self, expansion: Expansion) -> str:  # noqa: PLR0911 - one return for each kind is the clearest table
        """An expansion where the parts of a sequence may stand."""
        match expansion:
            case Words(text):
                return " ".join(map(_word, text.split()))
            case Sequence(parts):
                # A tag stands behind something; a script the recogniser has no use for.
                written = [
                    _tag(part.text) if isinstance(part, Label) else self._sequence(part)
                    for part in parts
                    if not isinstance(part, Script)
                ]
                return " ".join(written if written and not written[0].startswith("{") else [_NULL, *written])
            case Means(part):
                return self._sequence(part)
            case Reference(rule):
                return self._names[rule]
            case Label(text):
                return f"{_NULL} {_tag(text)}"
            case Digits(least, most):
                self._digits = True
                return _copies(_DIGIT, least, most)
            case Repeat(part, least, most):
                return self._repeated(part, least, most)
            case OneOf():
                return f"( {self._alternatives(expansion)} )"
            case _:
                return _NULL

    def _repeated(self, part: Expansion, least: int, most: int | None) -> str:
        if most == 0:
            return _NULL
        if (least, most) == (0, 1):
            return f"[ {self._alternatives(part)} ]"
        # Written once, as a rule of its own: copies of copies would grow without bound.
        self._helpers.append(self._alternatives(part))
        return _copies(f"<part{len(self._helpers)}>", least, most)


def _copies(name: str, least: int, most: int | None) -> str:
    if most is None or most > COPIES_LIMIT:
        written = [name] * min(least, COPIES_LIMIT)
        return " ".join([*written[:-1], f"{name}+" if written else f"{name}*"])
    return " ".join([name] * least + [f"[ {name} ]"] * (most - least))


def _tag(text: str) -> str:
    return "{" + _BRACE.sub(r"\\\1", text) + "}"


def _word(word: str) -> str:
    return word if _PLAIN.fullmatch(word) else '"' + _SPECIAL.sub(r"\\\1", word) + '"'
