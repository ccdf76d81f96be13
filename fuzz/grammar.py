"""Fuzz the grammars: `python fuzz/grammar.py [CORPUS] [-max_total_time=60]`, with atheris installed.

Comes in: bytes from atheris, the first of which picks the notation. Any text must be a grammar or a GrammarError with
its place; a grammar must take any message, keys and words, and what it writes for a recogniser must be one again.
"""

import sys

import atheris

with atheris.instrument_imports(include=["twinline", "lark"]):
    from twinline.runtime.grammar import GrammarError, compile_grammar

HEADS = ("", "#JSGF V1.0; public <a> = ", "#JSGF V1.0;", "<grammar><rule id='a'>", "<grammar>")
TAILS = ("", ";", "", "</rule></grammar>", "</grammar>")
ANSWERS = ("yes", "1 2 3", "x y z", "58201 pizza", "", "\ud800")


def test_one_input(data: bytes) -> None:
    """Any text is a grammar or a GrammarError with its place."""
    provider = atheris.FuzzedDataProvider(data)
    which = provider.ConsumeIntInRange(0, len(HEADS) - 1)
    answer = provider.ConsumeUnicode(12)
    text = HEADS[which] + provider.ConsumeUnicode(2_000) + TAILS[which]
    try:
        grammar = compile_grammar(text)
    except GrammarError as error:
        if not error.where.startswith("choices"):
            raise AssertionError(f"no place: {error}") from error
        return
    for given in (*ANSWERS, answer):
        grammar.match_text(given)
        grammar.match_keys(given)
        grammar.match_speech(given)
    if (jsgf := grammar.to_jsgf()) is not None:
        compile_grammar(jsgf)


def main() -> None:
    """Fuzz until told to stop."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
