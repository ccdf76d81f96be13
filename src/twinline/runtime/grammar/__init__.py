"""What a caller may answer, and matching it.

Comes in: an application's `choices`. Goes out: a `Grammar` whose `options` any matcher can read (text now; keys and
speech from the same form) and whose `match_text` understands a message. Public face: `compile_grammar`, `Grammar`,
`GrammarError`.
"""

from twinline.runtime.grammar.compiled import Grammar, compile_grammar
from twinline.runtime.grammar.form import ANYTHING, Anything, Digits, GrammarError, Item, Option, Words

__all__ = [
    "ANYTHING",
    "Anything",
    "Digits",
    "Grammar",
    "GrammarError",
    "Item",
    "Option",
    "Words",
    "compile_grammar",
]
