"""The `twinline` command: a thin client of the HTTP API and of nothing else, plus `up`.

Public face: `main`, and `commands` for tests. One file for each group of commands; `output` is how they speak.
Exit codes: 0 done; 1 the thing asked about fails (regressed, refused, held); 2 could not tell (no connection, bad
usage, undetermined).
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from twinline.cli import applications, builds, clusters, keys, rehearsals, releases, sessions
from twinline.cli.connection import Reach
from twinline.cli.output import CANNOT_TELL, FAILS, errors, plain
from twinline.cli.up import up
from twinline.model.errors import Mistake, NotFound, TwinlineError

__all__ = ["commands", "main"]

commands = typer.Typer(
    help="Runs voice and messaging applications, and rehearses each of them on the next build of the platform.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

PLATFORM, RELEASE, APPLICATIONS = "Platform", "Builds on their way to production", "Applications and what they did"

commands.command(rich_help_panel=PLATFORM)(up)
commands.command(rich_help_panel=PLATFORM)(clusters.status)
commands.add_typer(clusters.commands, name="cluster", rich_help_panel=PLATFORM)
commands.add_typer(keys.commands, name="key", rich_help_panel=PLATFORM)
commands.add_typer(applications.commands, name="app", rich_help_panel=APPLICATIONS)
commands.command(rich_help_panel=APPLICATIONS)(applications.twin)
commands.add_typer(sessions.commands, name="session", rich_help_panel=APPLICATIONS)
commands.add_typer(builds.commands, name="build", rich_help_panel=RELEASE)
commands.command(rich_help_panel=RELEASE)(rehearsals.rehearse)
commands.add_typer(rehearsals.commands, name="rehearsal", rich_help_panel=RELEASE)
commands.command(rich_help_panel=RELEASE)(releases.excuse)
commands.command(rich_help_panel=RELEASE)(releases.promote)
commands.command(rich_help_panel=RELEASE)(releases.rollback)
commands.add_typer(releases.commands, name="promotion", rich_help_panel=RELEASE)
commands.command(rich_help_panel=RELEASE)(releases.changelog)


@commands.callback()
def options(
    context: typer.Context,
    data: Annotated[
        Path, typer.Option(envvar="TWINLINE_DATA", help="The data folder of `twinline up`; names the API and its key.")
    ] = Path("data"),
    url: Annotated[str | None, typer.Option(envvar="TWINLINE_URL", help="The HTTP API, when not from --data.")] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="TWINLINE_API_KEY", help="The API key, when not from --data.")
    ] = None,
) -> None:
    """Take the global options; the line above is the command's own help."""
    context.obj = Reach(data, url, api_key)


def main() -> None:
    """Run the command line, and end with an exit code that means something."""
    try:
        commands()
    except TwinlineError as error:
        errors.print(plain(f"error: {error}", style="red"), soft_wrap=True)
        sys.exit(FAILS if isinstance(error, Mistake) and not isinstance(error, NotFound) else CANNOT_TELL)
