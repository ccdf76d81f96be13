"""`twinline session`: what happened in conversations."""

from typing import Annotated

import typer

from twinline.cli.connection import client
from twinline.cli.conversation import conversation, summary
from twinline.cli.output import AsJson, show, table

commands = typer.Typer(help="Read stored sessions.", no_args_is_help=True)


@commands.command("list")
def list_(
    context: typer.Context,
    application: Annotated[str, typer.Option("--app", help="Only of this application.")] = "",
    build: Annotated[int | None, typer.Option(help="Only on this build.", min=1)] = None,
    limit: Annotated[int, typer.Option(help="At most so many, newest first.", min=1, max=1000)] = 20,
    as_json: AsJson = False,
) -> None:
    """List sessions, newest first."""
    sessions = client(context).sessions(application=application, build=build, limit=limit)
    columns = ("Session", "Application", "Mode", "Build", "Caller", "Started (UTC)", "Turns", "Outcome")
    rows = [summary(each) for each in sessions]
    show(sessions, lambda: table(*columns, rows=rows, empty="No session is stored."), as_json=as_json)


@commands.command("show")
def show_(
    context: typer.Context,
    session: Annotated[str, typer.Argument(metavar="ID", help="The session's identifier.")],
    as_json: AsJson = False,
) -> None:
    """Show a session as a conversation: the caller left, the application right."""
    detail = client(context).session(session)
    show(detail, lambda: conversation(detail), as_json=as_json)
