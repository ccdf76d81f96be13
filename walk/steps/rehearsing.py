"""The fifth step: production's own sessions, played on the next build."""

from twinline.control.schema import RehearsalView
from twinline.model.rehearsal import ApplicationResult, ApplicationVerdict, RehearsalResult, UnitClass
from walk import account
from walk.cast import APPLICATIONS, COURIER, PHARMACY, breaking_line
from walk.walker import Walker


def step(walker: Walker) -> None:
    """`twinline rehearse 2` finds that the Python application is unchanged and the JavaScript one is regressed."""
    carrier, report = walker.people.carrier, walker.stage.data / "rehearsal.html"
    sent = carrier.count()
    walker.stage.twinline("rehearse", "2", "--html", str(report), code=1)
    result = newest(walker)
    account.check(
        carrier.count() == sent, "nothing was sent out while rehearsing", f"{carrier.count() - sent} messages"
    )
    account.check("<html" in report.read_text(encoding="utf-8"), f"the HTML report is in {report}", "something else")

    calm, broken = of(result, PHARMACY.name), of(result, COURIER.name)
    account.check(calm.verdict is ApplicationVerdict.UNCHANGED, f"{PHARMACY.name} is unchanged: {calm.sentence}", calm)
    account.check(broken.verdict is ApplicationVerdict.REGRESSED, f"{COURIER.name} is regressed", broken)
    for cast, verdict in zip(APPLICATIONS, (calm, broken), strict=True):
        expected = len(cast.conversations)
        account.check(verdict.compared == expected, f"all {expected} sessions of {cast.name} were compared", verdict)

    unit = next(unit for unit in broken.units if unit.verdict is UnitClass.REGRESSED)
    parted = unit.divergence
    if parted is None:
        raise account.WentWrong(f"expected: the place where the lanes part\nseen: {unit}")
    place = (parted.file, parted.line)
    account.check(place == breaking_line(), f"it names the line that threw, {parted.file}:{parted.line}", parted)
    account.check(parted.turn > 0 and parted.left and parted.right, f"at turn {parted.turn}, with both sides", parted)


def newest(walker: Walker) -> RehearsalResult:
    """The result of the newest rehearsal, whatever its verdict."""
    listed = walker.stage.read(list[RehearsalView], "rehearsal", "list")
    regressed = ApplicationVerdict.REGRESSED in listed[0].verdicts.values()
    return walker.stage.read(RehearsalResult, "rehearsal", "show", listed[0].id, code=1 if regressed else 0)


def of(result: RehearsalResult, application: str) -> ApplicationResult:
    """One application's part of a result."""
    found = [each for each in result.applications if each.application == application]
    if not found:
        raise account.WentWrong(f"expected: a verdict on {application}\nseen: {result.applications}")
    return found[0]
