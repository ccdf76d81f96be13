"""`twinline app` and `twinline twin`: applications, their code and their addresses."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType

from twinline.cli.bundle import find_entry, pack
from twinline.cli.connection import client
from twinline.cli.output import AsJson, moment, plain, say, show, table
from twinline.control.schema import ApplicationView
from twinline.model.applications import Carrier
from twinline.model.builds import Cluster
from twinline.model.errors import Mistake

commands = typer.Typer(help="Make applications, deploy code, give them addresses.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The application's name.")]
CarrierKind = Annotated[str, typer.Option("--carrier", help="The carrier's dialect: generic or twilio.")]
CarrierUrl = Annotated[str, typer.Option("--url", help="Where replies are posted to.")]
Secret = Annotated[str, typer.Option("--secret", envvar="TWINLINE_CARRIER_SECRET", help="Signs messages both ways.")]


@commands.command()
def create(
    context: typer.Context,
    name: Name,
    mode: Annotated[Cluster, typer.Option(help="The cluster that serves it.")] = Cluster.DEVELOPMENT,
) -> None:
    """Make an application; it has no code and no address yet."""
    made = client(context).create_application(name, mode)
    say(f"{made.name} is made, in {made.mode.value}.")


@commands.command()
def deploy(
    context: typer.Context,
    name: Name,
    folder: Annotated[Path, typer.Argument(help="The folder that holds its code.")],
    entry: Annotated[str | None, typer.Option(help="The first script. Default: main.py or main.js.")] = None,
) -> None:
    """Pack a folder and make it the application's live version."""
    first = entry or find_entry(folder)
    if not (folder / first).is_file():
        raise Mistake("there is no such script", where=str(folder / first), mend="name a file in the folder")
    bundle = pack(folder)
    application = client(context).deploy(name, bundle, first)
    version = application.live.digest[:12] if application.live else "none"
    say(f"{application.name} is live at version {version} ({first}, {len(bundle):,} bytes).")


@commands.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List all applications."""
    applications = client(context).applications()
    rows = [
        (each.name, each.mode.value, _version(each), ", ".join(each.addresses), moment(each.deployed_at))
        for each in applications
    ]
    columns = ("Application", "Mode", "Version", "Addresses", "Deployed (UTC)")
    show(applications, lambda: table(*columns, rows=rows, empty="There is no application yet."), as_json=as_json)


@commands.command("show")
def show_(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Show one application: its mode, live version and addresses."""
    application = client(context).application(name)
    show(application, lambda: _one(application), as_json=as_json)


@commands.command()
def address(
    context: typer.Context,
    name: Name,
    address: Annotated[str, typer.Argument(help="A number or another message address.")],
    *,
    url: CarrierUrl,
    secret: Secret,
    carrier: CarrierKind = "generic",
) -> None:
    """Give an application an address, with the carrier that brings its messages and takes its replies."""
    client(context).add_address(name, address, Carrier(carrier, url, secret))
    say(f"{address} reaches {name}.")


def twin(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The production application.")],
    address: Annotated[str, typer.Option("--address", "-a", help="The twin's own address.")],
    as_json: AsJson = False,
) -> None:
    """Make an application's twin in development.

    The twin runs the same code and has its own address; said again, it brings the twin's code up to date.
    """
    made = client(context).twin(name, address)
    show(made, lambda: _one(made), as_json=as_json)


def _version(application: ApplicationView) -> str:
    return f"{application.live.digest[:12]} {application.live.entry}" if application.live else "nothing deployed"


def _one(application: ApplicationView) -> RenderableType:
    origin = f", twin of {application.twin_of}" if application.twin_of else ""
    deployed = f", deployed {moment(application.deployed_at)} UTC" if application.deployed_at else ""
    return Group(
        plain(f"{application.name}, {application.mode.value}{origin}", style="bold"),
        plain(f"{_version(application)}{deployed}"),
        plain("reached at " + (", ".join(application.addresses) or "no address yet")),
    )
