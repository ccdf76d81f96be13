"""A grammar made ready for use.

Comes in: the text of `choices` in any notation we read. Goes out: a `Grammar`, made once for each text.
"""

from functools import lru_cache

from twinline.model.transcript import Choice
from twinline.runtime.grammar.form import GrammarError, Option
from twinline.runtime.grammar.simple import read_simple
from twinline.runtime.grammar.text import TextMatcher

_OTHER_NOTATIONS = {"#jsgf": "JSGF", "<": "GRXML", "http://": "a grammar's URL", "https://": "a grammar's URL"}


class Grammar:
    """What a caller may answer. Immutable; shared by every session that asks with the same choices."""

    __slots__ = ("_text", "options", "source")

    def __init__(self, source: str, options: tuple[Option, ...]) -> None:
        """A grammar of options, read from `source`."""
        self.source = source
        self.options = options
        self._text = TextMatcher(options)

    def match_text(self, text: str) -> Choice | None:
        """What a message means; None when no option fits it."""
        return self._text.match(text)


@lru_cache(maxsize=4096)
def compile_grammar(text: str) -> Grammar:
    """The grammar that `choices` describes. Raises GrammarError with the line and column when it cannot be read."""
    start = text.lstrip()[:8].lower()
    for beginning, notation in _OTHER_NOTATIONS.items():
        if start.startswith(beginning):
            raise GrammarError(
                f"the choices are {notation}, which is not read yet",
                where="choices, line 1, column 1",
                mend='write simple choices, as in "yes, no, [4 DIGITS]"',
            )
    return Grammar(text, read_simple(text))
