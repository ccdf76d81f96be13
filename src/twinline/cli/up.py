"""`twinline up`: the platform on this machine, as supervised child processes.

Comes in: options. Goes out: the settings handed to `control.platform`, which runs until it is told to stop.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import typer

from twinline.cli.connection import reach


def up(
    context: typer.Context,
    *,
    data: Annotated[Path | None, typer.Option(help="The folder that holds everything (as the global --data).")] = None,
    host: Annotated[str, typer.Option(help="The address that the edge and the API listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port of the edge, where messages come in; 0: any.", min=0, max=65535)
    ] = 8080,
    api_port: Annotated[int, typer.Option(help="Port of the HTTP API; 0: any.", min=0, max=65535)] = 8081,
    public_url: Annotated[str, typer.Option(help="How carriers reach the edge; some sign the address they call.")] = "",
    sandbox: Annotated[Literal["bubblewrap", "none"], typer.Option(help="What scripts are held in.")] = "bubblewrap",
    allow_outbound: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST:PORT", help="A local or private service scripts may reach; repeatable."),
    ] = None,
) -> None:
    """Start the platform here.

    It stays until it is told to stop; a second start on the same data folder finds everything again.
    """
    # The platform brings the web server and the supervisor: commands that only ask do without.
    from twinline.control.platform import PlatformSettings, run  # noqa: PLC0415

    settings = PlatformSettings(
        data=(data or reach(context).data).resolve(),
        host=host,
        edge_port=port,
        api_port=api_port,
        sandbox=sandbox,
        allow_outbound=frozenset(allow_outbound or ()),
        public_url=public_url,
    )
    asyncio.run(run(settings))
