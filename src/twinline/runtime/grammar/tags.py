"""The scripts in the tags of an SRGS grammar, as far as grammars use them.

Comes in: the text of a tag, such as `out.city = rules.town.name;`. Goes out: its statements, or a TagError with the
place in the text. Of ECMAScript it reads assignments (`=`, `+=`) of sums of strings, numbers, `true`, `false`,
`null`, properties and objects; `out`, `rules` and `meta` are those of the W3C's Semantic Interpretation, `$` and
`$name` those of its draft.
"""

import re
from collections.abc import Callable

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken

from twinline.runtime.grammar.form import Assign, Construct, Property, Script, Sum

TAG_LIMIT = 2_000
"""Characters of one tag. Those in published grammars have fewer than 200."""

TAG_NESTING_LIMIT = 16
"""Brackets inside one another in one tag."""

_SYNTAX = r"""
start: ";"* (statement (";"+ statement)* ";"*)?
statement: "var"? path (SET | ADD) sum
sum: term ("+" term)*
?term: STRING -> string
     | NUMBER -> number
     | "true" -> true
     | "false" -> false
     | ("null" | "undefined") -> null
     | path -> get
     | "{" [pair ("," pair)* ","?] "}" -> construct
     | "(" sum ")" -> grouped
pair: (NAME | STRING) ":" sum
path: NAME step*
step: "." NAME | "[" STRING "]" | CALL

CALL: /\(\s*\)/
STRING: /"(?:[^"\\\n]|\\.)*"/ | /'(?:[^'\\\n]|\\.)*'/
NUMBER: /-?[0-9]{1,15}(\.[0-9]{1,15})?/
NAME: /[^\W\d][\w]*|\$[\w$]*/
SET: "="
ADD: "+="
%ignore /\s+/
%ignore /\/\/[^\n]*/
%ignore /\/\*[\s\S]*?\*\//
"""
# What nearly every tag of a long list is; the parser would say the same, more slowly.
_PLAIN = re.compile(r"""\s*(?P<target>out(?:\.[A-Za-z_]\w*)?)\s*=\s*(?P<q>["'])(?P<text>[^"'\\\n]*)(?P=q)\s*;?\s*""")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}


class TagError(Exception):
    """A tag cannot be read; `at` is the character, counted from 0."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.at = at


Term = str | float | bool | Property | Construct | Sum | None


class _Reader(Transformer[Token, Script]):
    """Makes statements of what the parser recognised, without a tree in between."""

    def start(self, statements: list[Assign]) -> Script:
        return Script(tuple(statements))

    def statement(self, children: list[object]) -> Assign:
        path, operator, value = children
        assert isinstance(path, tuple)
        assert isinstance(value, Sum)
        return Assign(path, operator == "+=", value)

    def sum(self, terms: list[Term]) -> Sum:
        return Sum(tuple(terms))

    def string(self, children: list[Token]) -> str:
        return _unquoted(children[0])

    def number(self, children: list[Token]) -> float:
        return float(children[0])

    def true(self, _children: list[Token]) -> bool:
        return True

    def false(self, _children: list[Token]) -> bool:
        return False

    def null(self, _children: list[Token]) -> None:
        return None

    def get(self, children: list[tuple[str, ...]]) -> Property:
        return Property(children[0])

    def construct(self, children: list[tuple[str, Sum] | None]) -> Construct:
        return Construct(tuple(pair for pair in children if pair is not None))

    def grouped(self, children: list[Sum]) -> Sum:
        return children[0]

    def pair(self, children: list[Token | Sum]) -> tuple[str, Sum]:
        name, value = children
        assert isinstance(name, Token)
        assert isinstance(value, Sum)
        return (_unquoted(name) if name.type == "STRING" else str(name), value)

    def path(self, children: list[str]) -> tuple[str, ...]:
        names: list[str] = []
        for child in children:
            if child == "()" and names:
                names[-1] += "()"
            else:
                names.append(str(child))
        return tuple(names)

    def step(self, children: list[Token]) -> str:
        token = children[0]
        return "()" if token.type == "CALL" else _unquoted(token) if token.type == "STRING" else str(token)


_PARSER = Lark(_SYNTAX, parser="lalr", lexer="contextual", transformer=_Reader(), maybe_placeholders=True)
_parse: Callable[[str], object] = _PARSER.parse


def read_script(text: str) -> Script:
    """The statements of a tag. Raises TagError when it is anything else."""
    if plain := _PLAIN.fullmatch(text):
        return Script((Assign(tuple(plain["target"].split(".")), False, Sum((plain["text"],))),))
    if len(text) > TAG_LIMIT:
        raise TagError(f"a tag of {len(text):,} characters is too long", 0)
    depth = 0
    for at, character in enumerate(text):
        depth += (character in "({[") - (character in ")}]")
        if depth > TAG_NESTING_LIMIT:
            raise TagError("the brackets of the tag are nested too deep", at)
    try:
        script = _parse(text)
    except UnexpectedInput as error:
        ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        at = len(text.rstrip()) if ended or error.pos_in_stream is None else error.pos_in_stream
        raise TagError("the tag is no assignment", at) from None
    assert isinstance(script, Script)
    return script


def literal_script(text: str) -> Script:
    """The tag that says: the rule's value is this text."""
    return Script((Assign(("out",), False, Sum((text,))),))


def _unquoted(token: Token) -> str:
    return _ESCAPED.sub(lambda found: _CONTROLS.get(found[1], found[1]), token[1:-1])
