"""Print how long grammars of 2,000 alternatives take, beside the limits: `python -m benchmarks.grammar`.

Read: from text to a checked form. Arranged: what the first answer of each kind adds, once for a grammar. Matched: one
answer after that. Each figure is the best of several, in processor time.
"""

import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from twinline.runtime.grammar.checks import checked
from twinline.runtime.grammar.compiled import Grammar
from twinline.runtime.grammar.jsgf import read_jsgf
from twinline.runtime.grammar.simple import read_simple
from twinline.runtime.grammar.srgs import read_srgs

COUNT = 2_000
ROUNDS = 7
COMPILE_LIMIT = 0.050
MATCH_LIMIT = 0.001

NAMES = [f"new town {number}" for number in range(COUNT)]
KEYS = [f"{number:04}" for number in range(COUNT)]
ITEMS = [f"<item>{name}<tag>out='{key}'</tag></item>" for name, key in zip(NAMES, KEYS, strict=True)]
GRAMMARS = {
    "simple, words": (read_simple, ", ".join(NAMES)),
    "simple, a concept and key each": (
        read_simple,
        ", ".join(f"{name}({key})" for name, key in zip(NAMES, KEYS, strict=True)),
    ),
    "JSGF, words": (read_jsgf, f"#JSGF V1.0; public <town> = {' | '.join(NAMES)};"),
    "JSGF, a tag each": (
        read_jsgf,
        "#JSGF V1.0; public <town> = "
        + " | ".join(f"{name} {{{key}}}" for name, key in zip(NAMES, KEYS, strict=True))
        + ";",
    ),
    "SRGS, words": (
        read_srgs,
        "<grammar><rule id='a'><one-of>"
        + "".join(f"<item>{name}</item>" for name in NAMES)
        + "</one-of></rule></grammar>",
    ),
    "SRGS, a tag each": (
        read_srgs,
        "<grammar><rule id='a'><one-of>" + "".join(ITEMS) + "</one-of></rule></grammar>",
    ),
}


def best(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Seconds of processor time of the fastest of several rounds."""
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        action()
        taken.append(time.process_time() - started)
    return min(taken)


def main() -> None:
    """Measure each notation and print one table."""
    table = Table("grammar of 2,000 alternatives", "figure", "of the limit")
    for name, (read, text) in GRAMMARS.items():
        form = checked(read(text))
        grammar = Grammar(text, form)
        reading = best(lambda text=text, read=read: Grammar(text, checked(read(text))))
        arranging = best(lambda text=text, form=form: Grammar(text, form).match_text(NAMES[-1]))
        answer = NAMES[-1] if grammar.match_text(NAMES[-1]) else KEYS[-1]
        if grammar.match_text(answer) is None or (grammar.for_keys and grammar.match_keys(KEYS[-1]) is None):
            raise RuntimeError(f"{name}: the last alternative is not understood")
        matching = best(lambda grammar=grammar, answer=answer: grammar.match_text(answer), 50)
        missing = best(lambda grammar=grammar: grammar.match_text("new town of mine"), 50)
        table.add_row(f"{name}: read", f"{reading * 1e3:.1f} ms", f"{reading / COMPILE_LIMIT:.2f}")
        table.add_row(f"{name}: read and arranged for messages", f"{(reading + arranging) * 1e3:.1f} ms",
                      f"{(reading + arranging) / COMPILE_LIMIT:.2f}")  # fmt: skip
        table.add_row(f"{name}: matched", f"{matching * 1e3:.3f} ms", f"{matching / MATCH_LIMIT:.3f}")
        table.add_row(f"{name}: not matched", f"{missing * 1e3:.3f} ms", f"{missing / MATCH_LIMIT:.3f}")
        if grammar.for_keys:
            keying = best(lambda grammar=grammar: grammar.match_keys(KEYS[-1]), 50)
            table.add_row(f"{name}: matched by keys", f"{keying * 1e3:.3f} ms", f"{keying / MATCH_LIMIT:.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
