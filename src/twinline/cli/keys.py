"""`twinline key`: who may use the API."""

from typing import Annotated

import typer
from rich.console import Group, RenderableType

from twinline.cli.connection import client
from twinline.cli.output import AsJson, moment, plain, say, show, table

commands = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@commands.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The person or program it is for; the record of promotions shows it.")],
    as_json: AsJson = False,
) -> None:
    """Make a key; its secret is shown this once."""
    key = client(context).create_key(name)

    def view() -> RenderableType:
        return Group(plain(f"Key {key.id} for {key.name}; it is not shown again:"), plain(key.secret, style="bold"))

    show(key, view, as_json=as_json)


@commands.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List keys, without their secrets."""
    keys = client(context).keys()
    rows = [(str(each.id), each.name, moment(each.created_at)) for each in keys]
    show(keys, lambda: table("Key", "Name", "Made (UTC)", rows=rows, empty="There is no key."), as_json=as_json)


@commands.command()
def revoke(context: typer.Context, key: Annotated[int, typer.Argument(metavar="ID", help="The key's number.")]) -> None:
    """Revoke a key; whoever uses it is refused from now on."""
    client(context).revoke_key(key)
    say(f"Key {key} is revoked.")
