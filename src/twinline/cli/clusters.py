"""`twinline cluster` and `twinline status`: what runs where."""

from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from twinline.cli.connection import client
from twinline.cli.output import FAILS, AsJson, leave, say, show, table
from twinline.control.schema import ClusterView
from twinline.model.builds import Cluster

commands = typer.Typer(help="See the two clusters, and put a build on one.", no_args_is_help=True)


@commands.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the clusters with their builds and workers."""
    clusters = client(context).clusters()
    show(clusters, lambda: _table(tuple(clusters)), as_json=as_json)


@commands.command()
def place(
    context: typer.Context,
    cluster: Annotated[Cluster, typer.Argument(help="The cluster.")],
    build: Annotated[int, typer.Argument(metavar="BUILD", help="The build's number.", min=1)],
) -> None:
    """Put a published build on the development cluster (or the very first one on production)."""
    pointer = client(context).place_build(cluster, build)
    say(f"Build {pointer.current} takes the new sessions of {pointer.cluster.value}.")


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the platform at a glance.

    Exits 1 when a cluster has a build but no worker.
    """
    found = client(context).status()

    def view() -> RenderableType:
        counts = f"{found.applications} applications, {found.stored_sessions} stored sessions"
        return Group(Text(f"Twinline {found.version}", style="bold"), Text(counts), Text(""), _table(found.clusters))

    show(found, view, as_json=as_json)
    if any(cluster.current is not None and not cluster.workers for cluster in found.clusters):
        leave(FAILS)


def _table(clusters: tuple[ClusterView, ...]) -> RenderableType:
    rows = [
        (
            each.cluster.value,
            "none" if each.current is None else str(each.current),
            ", ".join(f"{build} {state.value}" for build, state in sorted(each.states.items())),
            ", ".join(each.workers),
            str(each.sessions),
        )
        for each in clusters
    ]
    return table("Cluster", "Build", "States", "Workers", "Open sessions", rows=rows, empty="There are no clusters.")
