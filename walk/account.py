"""The walk's account of itself: what is done, what came of it, and what went wrong.

Comes in: sentences and outcomes. Goes out: calm lines on standard output; `WentWrong` when something is not as told.
"""

import sys
import textwrap
import time
from collections.abc import Callable
from typing import TypeVar

WIDTH = 110

T = TypeVar("T")


class WentWrong(Exception):
    """The walk did not go as told; the text says what was seen instead."""


def heading(text: str) -> None:
    """Begin a step."""
    _print("\n" + _styled("1", textwrap.fill(text, WIDTH)))


def remark(text: str) -> None:
    """Say what is about to happen, or why it matters."""
    _print(textwrap.fill(text, WIDTH, initial_indent="   ", subsequent_indent="   "))


def command(line: str) -> None:
    """Show a command as a user would type it."""
    _print("   " + _styled("36", f"$ {line}"))


def output(text: str) -> None:
    """Show what a command printed."""
    for line in text.rstrip().splitlines():
        _print(_styled("2", "     " + line))


def said(who: str, text: str) -> None:
    """Show a message of a conversation."""
    _print(f"     {who:>10}  {text}")


def check(holds: object, sentence: str, otherwise: object) -> None:
    """Tell what holds. Raises WentWrong with what was seen instead when it does not."""
    if not holds:
        raise WentWrong(f"expected: {sentence}\nseen: {otherwise}")
    _print(textwrap.fill(sentence, WIDTH, initial_indent="   " + _styled("32", "✓") + " ", subsequent_indent="     "))


def until(look: Callable[[], T | None], sentence: str, *, seconds: float = 20.0) -> T:
    """Look again until something is there, and give it. Raises WentWrong after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        if time.monotonic() > deadline:
            raise WentWrong(f"expected: {sentence}\nseen: not within {seconds:.0f} s")
        time.sleep(0.05)


def plainly(text: str) -> None:
    """Show text as it is."""
    _print(text)


def _styled(code: str, text: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if sys.stdout.isatty() else text


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
