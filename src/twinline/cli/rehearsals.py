"""`twinline rehearse` and `twinline rehearsal`: production's sessions, played on the next build."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twinline.cli.connection import client
from twinline.cli.output import AsJson, leave, moment, say, show, table
from twinline.cli.progress import follow
from twinline.cli.verdicts import exit_code, verdicts
from twinline.model.errors import Trouble
from twinline.model.rehearsal import RehearsalResult

if TYPE_CHECKING:
    from twinline.control.client import Client

commands = typer.Typer(help="Read the rehearsals that were run.", no_args_is_help=True)

Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the HTML report to this file.")]


def rehearse(
    context: typer.Context,
    candidate: Annotated[int, typer.Argument(metavar="N", help="The build to try.", min=1)],
    *,
    baseline: Annotated[
        int | None, typer.Option(help="Compare with this build instead of production's.", min=1)
    ] = None,
    applications: Annotated[list[str] | None, typer.Option("--app", help="Only this application; repeatable.")] = None,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Play production's sessions on a build.

    Each stored session runs on production's build, on it again, and on the build to try. Exits 0 when every application
    is unchanged, 1 when one is regressed, 2 when that could not be told.
    """
    api = client(context)
    job = api.rehearse(candidate, baseline=baseline, applications=tuple(applications or ()))
    _report(api, api.rehearsal(follow(api, job).result), html, as_json=as_json)


@commands.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List rehearsals, newest first."""
    found = client(context).rehearsals()
    rows = [
        (
            each.id,
            f"{each.candidate} against {each.baseline}",
            moment(each.started_at),
            ", ".join(f"{name} {verdict.value}" for name, verdict in sorted(each.verdicts.items())) or each.state.value,
        )
        for each in found
    ]
    columns = ("Rehearsal", "Builds", "Started (UTC)", "Verdicts")
    show(found, lambda: table(*columns, rows=rows, empty="No rehearsal has been run yet."), as_json=as_json)


@commands.command("show")
def show_(
    context: typer.Context,
    rehearsal: Annotated[str, typer.Argument(metavar="ID", help="The rehearsal's identifier.")],
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Show a rehearsal's result; exits as `rehearse` did."""
    api = client(context)
    _report(api, api.rehearsal(rehearsal), html, as_json=as_json)


def _report(api: "Client", result: RehearsalResult, html: Path | None, *, as_json: bool) -> None:
    show(result, lambda: verdicts(result), as_json=as_json)
    if html:
        try:
            html.write_text(api.rehearsal_report(result.rehearsal), encoding="utf-8")
        except OSError as error:
            raise Trouble(f"cannot be written: {error.strerror}", where=str(html)) from error
        if not as_json:
            say(f"The report is in {html}.")
    leave(exit_code(result))
