"""How the command line speaks: exact JSON, tables, times, and text that cannot play tricks on a terminal.

Comes in: documents of the API. Goes out: standard output for what was asked, standard error for everything else.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, NoReturn

import msgspec
import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

AsJson = Annotated[bool, typer.Option("--json", help="Print the API's own JSON.")]
"""The option that every reading command has."""

FAILS = 1
"""Exit code: the thing asked about fails (regressed, refused, held)."""

CANNOT_TELL = 2
"""Exit code: no connection, bad usage, undetermined."""

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

CONTROLS = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"} | dict.fromkeys(
    range(0x7F, 0xA0), "\N{REPLACEMENT CHARACTER}"
)


def plain(text: str, style: str = "") -> Text:
    """Text from outside, shown as it is: no markup, and control characters made visible instead of obeyed."""
    return Text(text.translate(CONTROLS), style=style)


def show(value: object, view: Callable[[], RenderableType], *, as_json: bool) -> None:
    """Print the document as JSON, or as people read it."""
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(value)).decode())
    else:
        console.print(view())


def say(sentence: str) -> None:
    """Tell what was done, on standard output."""
    console.print(plain(sentence), soft_wrap=True)


def table(*columns: str, rows: Iterable[tuple[str | Text, ...]], empty: str) -> RenderableType:
    """A table, or one sentence when there is nothing to list."""
    cells = list(rows)
    if not cells:
        return Text(empty, style="dim")
    made = Table(box=None, header_style="bold", padding=(0, 3, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in cells:
        made.add_row(*(plain(cell) if isinstance(cell, str) else cell for cell in row))
    return made


def moment(seconds: float | None) -> str:
    """Seconds since the epoch as a date and time people read (UTC)."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def leave(code: int) -> NoReturn:
    """End the command with an exit code that means something to scripts."""
    raise typer.Exit(code)
