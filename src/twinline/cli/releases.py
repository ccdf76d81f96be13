"""`twinline excuse`, `promote`, `rollback`, `promotion`, `changelog`: how a build reaches production, or leaves it."""

from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from twinline.cli.connection import client
from twinline.cli.output import CANNOT_TELL, FAILS, AsJson, leave, moment, plain, show
from twinline.control.schema import OverrideRequest
from twinline.model.errors import Mistake
from twinline.model.release import ALLOWS, ChangelogEntry, Excuse, GateResult, Promotion, Verdict

commands = typer.Typer(help="Read the record of promotions.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="N", help="The build's number.", min=1)]


def excuse(context: typer.Context, number: Number, as_json: AsJson = False) -> None:
    """Say why a build is not in production.

    Gate by gate, decided now. Exits 0 when nothing holds it, 1 when it is held, 2 when that could not be told.
    """
    found = client(context).excuse(number)
    show(found, lambda: _excuse(found), as_json=as_json)
    if found.verdict not in ALLOWS:
        leave(CANNOT_TELL if found.verdict is Verdict.UNKNOWN else FAILS)


def promote(
    context: typer.Context,
    number: Number,
    override: Annotated[
        list[str] | None, typer.Option(metavar="GATE", help="Let it past this gate; repeatable.")
    ] = None,
    reason: Annotated[list[str] | None, typer.Option(help="Why: one for each override, or one for all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Move production to a build.

    New sessions start on it at once; running ones end on the build they began on. Exits 1 when a gate refuses.
    """
    overrides = _overrides(override or [], reason or [])
    done = client(context).promote(number, overrides)
    show(done, lambda: _promotion(done), as_json=as_json)


def rollback(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why; the record shows it.")],
    as_json: AsJson = False,
) -> None:
    """Move production back to the build before."""
    done = client(context).rollback(reason)
    show(done, lambda: _promotion(done), as_json=as_json)


@commands.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List promotions and rollbacks with their overrides and their sessions in flight."""
    found = client(context).promotions()
    empty = Text("Nothing has been promoted yet.", style="dim")
    show(found, lambda: Group(*(_promotion(each) for each in found)) if found else empty, as_json=as_json)


def changelog(context: typer.Context, as_json: AsJson = False) -> None:
    """Show what was announced, newest first."""
    entries = client(context).changelog()
    empty = Text("Nothing has been announced yet.", style="dim")
    show(entries, lambda: Group(*(_entry(each) for each in entries)) if entries else empty, as_json=as_json)


def _overrides(gates: list[str], reasons: list[str]) -> tuple[OverrideRequest, ...]:
    if len(reasons) == 1:
        reasons = reasons * len(gates)
    if len(gates) != len(reasons):
        what = f"{len(gates)} overrides with {len(reasons)} reasons"
        raise Mistake(what, where="--override", mend='give each its own: --override soak --reason "why"')
    return tuple(OverrideRequest(gate, why) for gate, why in zip(gates, reasons, strict=True))


def _excuse(found: Excuse) -> RenderableType:
    due = f", {moment(found.due)} UTC at the earliest" if found.due else ""
    head = plain(f"Build {found.build} to {found.target.value}: {found.verdict.label}{due}", style="bold")
    return Group(head, *(part for gate in found.gates for part in _gate(gate)))


def _gate(gate: GateResult) -> tuple[RenderableType, ...]:
    verdict = Text(gate.verdict.label, style="green" if gate.verdict in ALLOWS else "red")
    who = plain(f"who can act: {gate.who}", style="dim")
    heading = Text.assemble(plain(gate.gate, style="bold"), ": ", verdict)
    sentences = (plain(gate.sentence),) if gate.verdict in ALLOWS else (plain(gate.sentence), who)
    return Text(""), heading, Padding(Group(*sentences), (0, 0, 0, 2))


def _promotion(done: Promotion) -> RenderableType:
    origin = f"from build {done.from_build} " if done.from_build is not None else ""
    what = f"{done.id}. {done.kind} of {done.cluster.value} {origin}to build {done.to_build}: {done.state.value}"
    finished = ", ".join(f"{count} on build {build}" for build, count in sorted(done.finished.items()))
    lines = [
        plain(what, style="bold"),
        plain(f"   by {done.by}, {moment(done.at)} UTC", style="dim"),
        *(plain(f"   past the gate {each.gate}, by {each.by}: {each.reason}") for each in done.overrides),
        plain(f"   sessions in flight: {len(done.in_flight)}" + (f"; finished: {finished}" if finished else "")),
    ]
    return Group(*lines)


def _entry(entry: ChangelogEntry) -> RenderableType:
    changes = [plain(f"  {change.kind.value} ({change.component.value}): {change.text}") for change in entry.changes]
    heading = plain(f"{moment(entry.at)}  {entry.title}", style="bold")
    return Group(heading, *([plain(f"  {entry.text}")] if entry.text else []), *changes)
