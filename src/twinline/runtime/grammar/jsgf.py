"""Grammars in JSGF, the Java Speech Grammar Format.

Comes in: text that begins with `#JSGF`. Goes out: its form, whose options begin with every public rule, or a
GrammarError with the line and the column. Rules of other grammars are not fetched. A tag is a label, unless it
computes: `{out.x = "y"}`.
"""

import re
from collections.abc import Callable, Mapping
from math import isfinite

from lark import Lark, Token, Transformer, UnexpectedInput

from twinline.runtime.grammar.form import (
    NULL,
    VOID,
    Expansion,
    Form,
    GrammarError,
    Label,
    OneOf,
    Option,
    Place,
    Reference,
    Repeat,
    Script,
    Sequence,
    Words,
    sequence,
)
from twinline.runtime.grammar.mistakes import explained, place_of
from twinline.runtime.grammar.tags import TagError, read_script

LENGTH_LIMIT = 131_072
"""Characters of one grammar: four times what the simple notation may have, since the same list is longer in JSGF."""

_SYNTAX = r"""
start: HEADER ("grammar" WORDS ";")? importing* rule+
importing: "import" REFERENCE ";"
rule: PUBLIC? REFERENCE "=" alternatives ";"
alternatives: WEIGHT? sequence ("|" WEIGHT? sequence)*
sequence: _item+
_item: unary TAG*
?unary: atom | atom "*" -> any_number | atom "+" -> some
?atom: WORDS              -> words
     | QUOTED             -> quoted
     | REFERENCE          -> reference
     | "(" alternatives ")" -> grouped
     | "[" alternatives "]" -> optional

HEADER: /#JSGF[^;\n]*;?/i
PUBLIC: "public"
REFERENCE: /<[^<>;\s]+>/
WEIGHT: /\/\s*[0-9.]{1,20}(?:e[-+]?[0-9]{1,3})?\s*\//i
TAG: /\{(?:[^{}\\]|\\.|\{[^{}]*\})*\}/s
QUOTED: /"(?:[^"\\]|\\.)*"/s
WORDS: /[^\s;=|*+<>()\[\]{}\/"\\]+(?:[ \t]+[^\s;=|*+<>()\[\]{}\/"\\]+)*/
COMMENT: /\/\/[^\n]*/ | /\/\*[\s\S]*?\*\//
%ignore COMMENT
%ignore /[\s\ufeff]+/
"""

_EXPECTED = {
    "GRAMMAR": "`grammar` and its name",
    "IMPORT": "an import",
    "EQUAL": "=",
    "SEMICOLON": "a semicolon",
    "VBAR": "|",
    "RPAR": "a closing parenthesis",
    "RSQB": "]",
    "REFERENCE": "a rule such as `<name>`",
    "WORDS": "words",
    "QUOTED": "words",
}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_COMPUTES = re.compile(r"\s*(?:out\b|\$)")
_SPECIAL_RULES: Mapping[str, Expansion] = {"NULL": NULL, "VOID": VOID}


class _Rule:
    """A rule as it was read. Plain, since the form has no use for what is only read."""

    def __init__(self, name: str, place: Place, expansion: Expansion, *, public: bool) -> None:
        self.name = name
        self.place = place
        self.expansion = expansion
        self.public = public


class _Reader(Transformer[Token, list[_Rule]]):
    """Makes rules of what the parser recognised, without a tree in between."""

    def start(self, children: list[Token | _Rule]) -> list[_Rule]:
        return [child for child in children if isinstance(child, _Rule)]

    def importing(self, children: list[Token]) -> None:
        raise GrammarError(
            f"the rules of {children[0][:80]} would have to be fetched",
            where=str(place_of(children[0])),
            mend="write the rules that are needed into this grammar",
        )

    def rule(self, children: list[Token | Expansion]) -> _Rule:
        *names, expansion = children
        name = names[-1]
        assert isinstance(name, Token)
        assert not isinstance(expansion, Token)
        return _Rule(_simple(name), place_of(name), expansion, public=len(names) == 2)

    def alternatives(self, children: list[Token | Expansion]) -> Expansion:
        parts: list[Expansion] = []
        weights: list[float] = []
        weight, weighted = 1.0, False
        for child in children:
            if isinstance(child, Token):
                weight, weighted = _weight(child), True
            else:
                parts.append(child)
                weights.append(weight)
                weight = 1.0
        return parts[0] if len(parts) == 1 else OneOf(tuple(parts), tuple(weights) if weighted else ())

    def sequence(self, children: list[Token | Expansion]) -> Expansion:
        return sequence(_tag(child) if isinstance(child, Token) else child for child in children)

    def any_number(self, children: list[Expansion]) -> Expansion:
        return _repeated(children[0], 0)

    def some(self, children: list[Expansion]) -> Expansion:
        return _repeated(children[0], 1)

    def optional(self, children: list[Expansion]) -> Repeat:
        return Repeat(children[0], 0, 1)

    def words(self, children: list[Token]) -> Words:
        return Words(" ".join(children[0].split()))

    def quoted(self, children: list[Token]) -> Expansion:
        text = " ".join(_ESCAPED.sub(r"\1", children[0][1:-1]).split())
        if not text:
            raise GrammarError(
                "there is nothing between the quotes", where=str(place_of(children[0])), mend="write the words to match"
            )
        return _together(Words(text))

    def grouped(self, children: list[Expansion]) -> Expansion:
        return _together(children[0])

    def reference(self, children: list[Token]) -> Expansion:
        token = children[0]
        special = _SPECIAL_RULES.get(token[1:-1])
        return Reference(_simple(token), place_of(token)) if special is None else special


_PARSER = Lark(_SYNTAX, parser="lalr", lexer="contextual", transformer=_Reader())
_parse: Callable[[str], object] = _PARSER.parse


def read_jsgf(text: str) -> Form:
    """The form of a JSGF grammar. Raises GrammarError when it is none, or too long."""
    if len(text) > LENGTH_LIMIT:
        raise GrammarError(
            f"a grammar of {len(text):,} characters is too long", where="choices", mend=f"at most {LENGTH_LIMIT:,}"
        )
    try:
        read = _parse(text)
    except UnexpectedInput as error:
        raise explained(text, error, _EXPECTED) from None
    assert isinstance(read, list)
    rules: dict[str, Expansion] = {}
    public: list[Reference] = []
    for rule in read:
        if rule.name in rules or rule.name in _SPECIAL_RULES:
            raise GrammarError(
                f"there is a rule <{rule.name[:80]}> already", where=str(rule.place), mend="give it another name"
            )
        rules[rule.name] = rule.expansion
        if rule.public or len(read) == 1:
            public.append(Reference(rule.name, rule.place))
    if not public:
        raise GrammarError(
            "no rule is public", where=str(read[0].place), mend="write `public` before the rule that answers begin with"
        )
    return Form(tuple(Option(None, (rule,)) for rule in public), rules)


def _together(expansion: Expansion) -> Expansion:
    """Words alone in a sequence, so that an operator behind them means all of them."""
    return Sequence((expansion,)) if isinstance(expansion, Words) else expansion


def _repeated(part: Expansion, least: int) -> Expansion:
    """An operator belongs to the last of several words: `very very+ good` has one `very` or more after the first."""
    if isinstance(part, Words) and " " in part.text:
        before, _, last = part.text.rpartition(" ")
        return Sequence((Words(before), Repeat(Words(last), least, None)))
    return Repeat(part, least, None)


def _simple(token: Token) -> str:
    """A rule's name without that of its grammar: `<com.acme.menu.city>` is `city`."""
    return token[1:-1].rpartition(".")[2] or token[1:-1]


def _weight(token: Token) -> float:
    try:
        weight = float(token[1:-1])
    except ValueError:
        weight = -1.0
    if weight < 0 or not isfinite(weight):
        raise GrammarError(f"{token[:20]} is no weight", where=str(place_of(token)), mend="write it as in /0.5/")
    return weight


def _tag(token: Token) -> Label | Script:
    text = token[1:-1]
    if _COMPUTES.match(text):
        try:
            return read_script(text)
        except TagError:
            # Not a script after all: a label that begins with the word.
            pass
    return Label(" ".join(_ESCAPED.sub(r"\1", text).split()))
