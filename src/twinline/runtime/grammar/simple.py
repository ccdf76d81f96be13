"""Tropo's simple grammar: `sales (sales, 1), operator(help, 0), [5 DIGITS], [ANY]`.

Comes in: the text of `choices`. Goes out: its form, or a GrammarError that names the line, the column and what
stands there. Quotes matter only around a whole name or alternative: `6" sub` and `don't know` are plain words. A
concept inside another is understood by its own name: `food(pizza(pie, 1), burger(2))` makes "pie" the food `pizza`.
"""

from collections.abc import Callable

from lark import Lark, Token, Transformer, UnexpectedInput

from twinline.runtime.grammar.form import (
    ANYTHING,
    DIGITS_LIMIT,
    Anything,
    Digits,
    Expansion,
    Form,
    GrammarError,
    Means,
    OneOf,
    Option,
    Words,
)
from twinline.runtime.grammar.mistakes import explained, place_of

LENGTH_LIMIT = 65_536
"""Characters of one grammar: 2,000 concepts with two alternatives each. The longest of surveyed programs has 4,000."""

_SYNTAX = r"""
start: ","* (option (","+ option)* ","*)?
option: item                                        -> itself
      | group                                        -> concept
group: (QUOTED | WORDS) "(" ","* member (","+ member)* ","* ")"
?member: item | group
?item: QUOTED                                       -> quoted
     | WORDS                                        -> words
     | "[" ANY "]"                                  -> anything
     | "[" DIGIT "]"                                -> digits
     | "[" NUMBER "-"? DIGIT "]"                    -> exactly
     | "[" NUMBER "-" NUMBER "-"? DIGIT "]"         -> between

QUOTED.3: /'[^']*'(?=\s*([,()]|\Z))/ | /"[^"]*"(?=\s*([,()]|\Z))/
ANY.2: /ANY/i
DIGIT.2: /DIGITS?/i
NUMBER.2: /[0-9]+/
WORDS: /[^\s,()\[\]"][^,()\[\]]*/
%ignore /\s+/
"""

_EXPECTED = {
    "COMMA": "a comma",
    "LPAR": "an opening parenthesis",
    "RPAR": "a closing parenthesis",
    "RSQB": "]",
    "LSQB": "a choice",
    "WORDS": "a choice",
    "QUOTED": "a choice",
    "ANY": "ANY",
    "DIGIT": "DIGITS",
    "NUMBER": "a number",
    "MINUS": "a hyphen",
    "$END": "the end",
}


class _Reader(Transformer[Token, Form]):
    """Makes options of what the parser recognised, without a tree in between."""

    def start(self, options: list[Option]) -> Form:
        return Form(tuple(options))

    def itself(self, children: list[Expansion]) -> Option:
        return Option(None, (children[0],))

    def concept(self, children: list[Option]) -> Option:
        return children[0]

    def group(self, children: list[Token | Expansion | Option]) -> Option:
        name, *members = children
        assert isinstance(name, Token)
        text = _unquoted(name) if name.type == "QUOTED" else _tidy(name)
        return Option(text, tuple(_member(member) for member in members if not isinstance(member, Token)))

    def quoted(self, children: list[Token]) -> Words:
        return Words(_unquoted(children[0]))

    def words(self, children: list[Token]) -> Words:
        return Words(_tidy(children[0]))

    def anything(self, _children: list[Token]) -> Anything:
        return ANYTHING

    def digits(self, _children: list[Token]) -> Digits:
        return Digits(1, DIGITS_LIMIT)

    def exactly(self, children: list[Token]) -> Digits:
        count = _count(children[0])
        return Digits(count, count)

    def between(self, children: list[Token]) -> Digits:
        least, most = _count(children[0]), _count(children[1])
        if most < least:
            raise GrammarError(
                f"the range {least}-{most} of digits runs backwards",
                where=str(place_of(children[0])),
                mend=f"write [{most}-{least} DIGITS]",
            )
        return Digits(least, most)


_PARSER = Lark(_SYNTAX, parser="lalr", lexer="contextual", transformer=_Reader())
_parse: Callable[[str], object] = _PARSER.parse


def read_simple(text: str) -> Form:
    """The form of a simple grammar. Raises GrammarError when it is none, holds no choice or is too long."""
    if len(text) > LENGTH_LIMIT:
        raise GrammarError(
            f"choices of {len(text):,} characters are too long", where="choices", mend=f"at most {LENGTH_LIMIT:,}"
        )
    try:
        form = _parse(text)
    except UnexpectedInput as error:
        raise explained(text, error, _EXPECTED) from None
    assert isinstance(form, Form)
    if not form.options:
        raise GrammarError("there is no choice in it", where="choices", mend='write them as in "yes, no"')
    return form


def _member(member: Expansion | Option) -> Expansion:
    if isinstance(member, Option):
        assert member.concept is not None, "only a group is an option here"
        return Means(OneOf(member.items), member.concept)
    return member


def _tidy(token: Token) -> str:
    return " ".join(token.split())


def _unquoted(token: Token) -> str:
    text = " ".join(token[1:-1].split())
    if not text:
        raise GrammarError(
            "there is nothing between the quotes", where=str(place_of(token)), mend="write the words to match"
        )
    return text


def _count(token: Token) -> int:
    # Compared by length first: int() of a very long numeral is slow, and refused by Python itself.
    if len(token) > 5 or not 1 <= int(token) <= DIGITS_LIMIT:
        raise GrammarError(
            f"an answer cannot have {token[:20]} digits",
            where=str(place_of(token)),
            mend=f"1 to {DIGITS_LIMIT} can be asked for",
        )
    return int(token)
