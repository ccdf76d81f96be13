"""A parser's complaint in words.

Comes in: what lark could not read, and the names of what it wanted instead. Goes out: a GrammarError for people,
with the line and the column.
"""

from collections.abc import Mapping

from lark import Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from twinline.runtime.grammar.form import GrammarError, Place


def place_of(token: Token) -> Place:
    """Where a token begins."""
    return Place(token.line or 1, token.column or 1)


def end_of(text: str) -> Place:
    """The place behind the last character of a text."""
    return Place(text.count("\n") + 1, len(text) - text.rfind("\n"))


def explained(text: str, error: UnexpectedInput, names: Mapping[str, str]) -> GrammarError:
    """What was found and what would be right; `names` says the parser's terminals in words, those worth naming."""
    if isinstance(error, UnexpectedToken):
        expected, ended = set(error.accepts or error.expected), error.token.type == "$END"
        found = "the choices end too early" if ended else f"unexpected {shown(error.token[:1])}"
    else:
        assert isinstance(error, UnexpectedCharacters)
        expected, ended = set(error.allowed or ()), False
        found = f"unexpected {shown(error.char)}"
    place = end_of(text) if ended else Place(error.line, error.column)
    wanted = sorted({names[name] for name in expected if name in names})
    choice = names["WORDS"]
    return GrammarError(
        found, where=str(place), mend="expected " + (choice if choice in wanted else " or ".join(wanted))
    )


def shown(character: str) -> str:
    """A character so that a person can see it."""
    return f"{character!r}" if character.isprintable() else f"the character U+{ord(character):04X}"
