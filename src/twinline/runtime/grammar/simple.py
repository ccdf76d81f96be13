"""Tropo's simple grammar: `sales (sales, 1), operator(help, 0), [5 DIGITS], [ANY]`.

Comes in: the text of `choices`. Goes out: its options, or a GrammarError that names the line, the column and what
stands there. Quotes matter only around a whole name or alternative: `6" sub` and `don't know` are plain words.
"""

from collections.abc import Callable

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from twinline.runtime.grammar.form import ANYTHING, DIGITS_LIMIT, Anything, Digits, GrammarError, Item, Option, Words

LENGTH_LIMIT = 32_768
"""Characters of one grammar. The longest in surveyed programs, a list of towns, has some 4,000."""

_SYNTAX = r"""
start: ","* (option (","+ option)* ","*)?
option: item                                        -> itself
      | (QUOTED | WORDS) "(" ","* item (","+ item)* ","* ")" -> concept
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


class _Reader(Transformer[Token, tuple[Option, ...]]):
    """Makes options of what the parser recognised, without a tree in between."""

    def start(self, options: list[Option]) -> tuple[Option, ...]:
        return tuple(options)

    def itself(self, children: list[Item]) -> Option:
        return Option(None, (children[0],))

    def concept(self, children: list[Token | Item]) -> Option:
        name, *items = children
        assert isinstance(name, Token)
        text = _unquoted(name) if name.type == "QUOTED" else _tidy(name)
        return Option(text, tuple(item for item in items if not isinstance(item, Token)))

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
                where=_place(children[0]),
                mend=f"write [{most}-{least} DIGITS]",
            )
        return Digits(least, most)


_PARSER = Lark(_SYNTAX, parser="lalr", lexer="contextual", transformer=_Reader())
_parse: Callable[[str], object] = _PARSER.parse


def read_simple(text: str) -> tuple[Option, ...]:
    """The options of a simple grammar. Raises GrammarError when it is none, holds no choice or is too long."""
    if len(text) > LENGTH_LIMIT:
        raise GrammarError(
            f"choices of {len(text):,} characters are too long", where="choices", mend=f"at most {LENGTH_LIMIT:,}"
        )
    try:
        options = _parse(text)
    except UnexpectedInput as error:
        raise _explained(text, error) from None
    assert isinstance(options, tuple)
    if not options:
        raise GrammarError("there is no choice in it", where="choices", mend='write them as in "yes, no"')
    return options


def _tidy(token: Token) -> str:
    return " ".join(token.split())


def _unquoted(token: Token) -> str:
    text = " ".join(token[1:-1].split())
    if not text:
        raise GrammarError("there is nothing between the quotes", where=_place(token), mend="write the words to match")
    return text


def _count(token: Token) -> int:
    # Compared by length first: int() of a very long numeral is slow, and refused by Python itself.
    if len(token) > 5 or not 1 <= int(token) <= DIGITS_LIMIT:
        raise GrammarError(
            f"an answer cannot have {token[:20]} digits",
            where=_place(token),
            mend=f"1 to {DIGITS_LIMIT} can be asked for",
        )
    return int(token)


def _place(token: Token) -> str:
    return f"choices, line {token.line}, column {token.column}"


def _explained(text: str, error: UnexpectedInput) -> GrammarError:
    """The parser's complaint in words."""
    if isinstance(error, UnexpectedToken):
        expected, ended = set(error.accepts or error.expected), error.token.type == "$END"
        found = "the choices end too early" if ended else f"unexpected {_shown(error.token[:1])}"
    else:
        assert isinstance(error, UnexpectedCharacters)
        expected, ended = set(error.allowed or ()), False
        found = f"unexpected {_shown(error.char)}"
    line, column = error.line, error.column
    if ended:
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    wanted = sorted({_EXPECTED[name] for name in expected if name in _EXPECTED})
    mend = "expected " + (_EXPECTED["WORDS"] if _EXPECTED["WORDS"] in wanted else " or ".join(wanted))
    return GrammarError(found, where=f"choices, line {line}, column {column}", mend=mend)


def _shown(character: str) -> str:
    return f"{character!r}" if character.isprintable() else f"the character U+{ord(character):04X}"
