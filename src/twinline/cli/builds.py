"""`twinline build`: making, publishing and reading builds."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from twinline.cli.connection import client
from twinline.cli.output import AsJson, moment, plain, say, show, table
from twinline.cli.progress import follow
from twinline.model.builds import Build, Significance
from twinline.model.errors import Mistake

commands = typer.Typer(help="Make, publish and read builds.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="N", help="The build's number.", min=1)]


@commands.command()
def create(
    context: typer.Context,
    manifest: Annotated[Path, typer.Argument(help="The build's manifest, such as build.toml.")],
    wheel: Annotated[Path | None, typer.Option(help="Runtime wheel to use instead of the platform's own.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make the next build from a manifest."""
    try:
        text = manifest.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Mistake(f"cannot be read: {error}", where=str(manifest), mend="give a manifest in TOML") from error
    api = client(context)
    job = api.create_build(text, str(wheel.resolve()) if wheel else "")
    made = api.build(int(follow(api, job).result))
    show(made, lambda: _one(made), as_json=as_json)


@commands.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List all builds."""
    builds = client(context).builds()
    rows = [
        (str(each.number), each.significance.value, _components(each), moment(each.made_at), moment(each.published_at))
        for each in builds
    ]
    columns = ("Build", "Significance", "Components", "Made (UTC)", "Published (UTC)")
    show(builds, lambda: table(*columns, rows=rows, empty="No build has been made yet."), as_json=as_json)


@commands.command("show")
def show_(context: typer.Context, number: Number, as_json: AsJson = False) -> None:
    """Show one build: its components, changes and folder."""
    build = client(context).build(number)
    show(build, lambda: _one(build), as_json=as_json)


@commands.command()
def publish(context: typer.Context, number: Number) -> None:
    """Announce a build in the changelog; only a published build goes to a cluster."""
    build = client(context).publish_build(number)
    say(f"Build {build.number} is published ({build.significance.value}).")


@commands.command()
def significance(
    context: typer.Context,
    number: Number,
    level: Annotated[Significance, typer.Argument(help="What it is raised to; lowering is refused.")],
) -> None:
    """Raise a build's significance, and with it the soak it needs."""
    build = client(context).raise_significance(number, level)
    say(f"Build {build.number} is {build.significance.value}.")


def _components(build: Build) -> str:
    return ", ".join(f"{name.value} {version}" for name, version in sorted(build.components.items()))


def _one(build: Build) -> RenderableType:
    published = f"published {moment(build.published_at)} UTC" if build.published_at else "not published"
    changes = [plain(f"  {change.kind.value} ({change.component.value}): {change.text}") for change in build.changes]
    return Group(
        Text(f"Build {build.number}, {build.significance.value}, {published}", style="bold"),
        plain(_components(build)),
        *changes,
        _unbroken(build.digest),
        _unbroken(build.path),
    )


def _unbroken(text: str) -> Text:
    """Something to be copied: never broken over two lines."""
    line = plain(text, style="dim")
    line.no_wrap, line.overflow = True, "ignore"
    return line
