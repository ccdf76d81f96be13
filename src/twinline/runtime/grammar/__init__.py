"""What a caller may answer, and matching it.

Comes in: an application's `choices`, in Tropo's simple notation, JSGF or SRGS XML. Goes out: a `Grammar` that
understands messages (`match_text`), keys (`match_keys`, and one by one `key_entry`) and the words of a recogniser
(`match_speech`), and writes itself for one (`to_jsgf`). Public face: `compile_grammar`, `is_reference`, `Grammar`,
`GrammarError`, `KeyEntry`, `KeyStage`, `PAUSE`; and the form that a grammar is read into.
"""

from twinline.runtime.grammar.compiled import Grammar, compile_grammar, is_reference
from twinline.runtime.grammar.form import ANYTHING, Anything, Digits, GrammarError, Option, Words
from twinline.runtime.grammar.keys import PAUSE, KeyEntry, KeyStage

__all__ = [
    "ANYTHING",
    "PAUSE",
    "Anything",
    "Digits",
    "Grammar",
    "GrammarError",
    "KeyEntry",
    "KeyStage",
    "Option",
    "Words",
    "compile_grammar",
    "is_reference",
]
