"""A rehearsal's result as people read it: who would behave differently, at which turn, and how.

Comes in: the one result document. Goes out: something Rich can print, and the exit code that says the same.
"""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from twinline.cli.events import line
from twinline.cli.output import CANNOT_TELL, FAILS, plain
from twinline.model.rehearsal import (
    ApplicationResult,
    ApplicationVerdict,
    CauseGroup,
    Divergence,
    RehearsalResult,
    UnitClass,
    UnitResult,
)

STYLES = {
    ApplicationVerdict.UNCHANGED: "green",
    ApplicationVerdict.REGRESSED: "bold red",
    ApplicationVerdict.UNDETERMINED: "yellow",
}

CODES = {
    ApplicationVerdict.UNCHANGED: 0,
    ApplicationVerdict.REGRESSED: FAILS,
    ApplicationVerdict.UNDETERMINED: CANNOT_TELL,
}

DETAILED = 3
"""Units of one application that are shown in full; the others differ too, and are in the JSON and the HTML report."""


NAMED = 10
"""Applications named under one cause; the JSON and the HTML report name all."""


def exit_code(result: RehearsalResult) -> int:
    """0 when every application is unchanged, 1 when one is regressed, else 2."""
    codes = {CODES[application.verdict] for application in result.applications}
    return FAILS if FAILS in codes else max(codes, default=CANNOT_TELL)


def verdicts(result: RehearsalResult) -> RenderableType:
    """The whole result: the line of figures, the applications, and the units that are not the same."""
    took = result.finished_at - result.started_at
    figures = f"{result.lane_runs} lane-runs in {took:.1f} s" + (
        f", {result.left_out} sessions left out by the budget" if result.left_out else ""
    )
    title = plain(f"Build {result.candidate} against build {result.baseline}", style="bold")
    head = (title, plain(f"{figures}; rehearsal {result.rehearsal}", style="dim"))
    if not result.applications:
        return Group(*head, Text("No production application has a finished session to rehearse."))
    parts = [part for application in result.applications for part in _application(application)]
    causes = [part for group in result.groups for part in _cause(group)]
    return Group(*head, *causes, *parts)


def _cause(group: CauseGroup) -> list[RenderableType]:
    """What several sessions have in common, once for all applications."""
    count = sum(len(units) for units in group.applications.values())
    names = list(group.applications)
    named = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    extent = plain(f"{count} {'session' if count == 1 else 'sessions'} of {named}", style="dim")
    return [Text(""), plain(f"cause: {group.sentence}", style="bold"), Padding(extent, (0, 0, 0, 2))]


def _application(application: ApplicationResult) -> list[RenderableType]:
    verdict = Text(application.verdict.value, style=STYLES[application.verdict])
    heading = Text.assemble(plain(application.application, style="bold"), ": ", verdict)
    return [Text(""), heading, Padding(plain(application.sentence), (0, 0, 0, 2)), *_details(application)]


def _details(application: ApplicationResult) -> list[RenderableType]:
    differing = [unit for unit in application.units if unit.verdict is not UnitClass.SAME]
    shown: list[RenderableType] = []
    for unit in differing[:DETAILED]:
        shown += [Text(""), *_unit(application.application, unit)]
    if len(differing) > DETAILED:
        more = f"and {len(differing) - DETAILED} more of {application.application}: see --html or --json"
        shown += [Text(""), plain(more, style="dim")]
    return shown


def _unit(application: str, unit: UnitResult) -> list[RenderableType]:
    heading = plain(f"{application}, session {unit.unit}: {unit.verdict.value}", style="bold")
    parts: list[RenderableType] = [heading]
    if unit.reason:
        parts.append(Padding(plain(unit.reason), (0, 0, 0, 2)))
    parts += [Padding(plain(words, style="dim"), (0, 0, 0, 4)) for words in unit.trail]
    if unit.divergence:
        parts.append(Padding(_sides(unit.divergence), (0, 0, 0, 2)))
    return parts


def _sides(divergence: Divergence) -> Table:
    sides = Table.grid(padding=(0, 2))
    place = f", {divergence.file} line {divergence.line}" if divergence.file else ""
    sides.add_row(plain("at"), plain(f"turn {divergence.turn}, {divergence.field}{place}"))
    sides.add_row(plain("now", style="green"), line(divergence.left))
    sides.add_row(plain("then", style="red"), line(divergence.right))
    return sides
