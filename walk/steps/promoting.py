"""The seventh step: why build 2 waits, how it goes to production all the same, and the way back."""

from twinline.control.schema import Key, SessionView
from twinline.model.builds import Cluster
from twinline.model.rehearsal import ApplicationVerdict
from twinline.model.release import Excuse, Promotion, PromotionState, Verdict
from walk import account
from walk.cast import APPLICATIONS, COURIER, MENDED, PHARMACY, Cast
from walk.ledger import check_nothing_lost
from walk.stage import EXAMPLES, ROOT
from walk.steps.rehearsing import newest
from walk.traffic import traffic
from walk.walker import Walker

REASON = "demonstration: rehearsed clean, and nobody waits fourteen days for a walk"
BY = "ada"
"""Who lets build 2 past the gate."""


def step(walker: Walker) -> None:
    """`twinline excuse 2` says why; mended, rehearsed and overridden by name, build 2 goes to production, and back."""
    _held(walker)
    _mended(walker)
    with traffic(walker.people, PHARMACY):
        _promoted(walker)
        _rolled_back(walker)
    check_nothing_lost(walker)


def _held(walker: Walker) -> None:
    walker.stage.twinline("excuse", "2", code=1)
    gates = _gates(walker)
    account.check(gates["rehearsal"] is Verdict.REJECTED, f"the rehearsal holds it: {COURIER.name} is regressed", gates)
    account.check(gates["soak"] is Verdict.WAIT, "and so does the soak", gates)


def _mended(walker: Walker) -> None:
    account.remark(f"{COURIER.name} is mended and deployed; its old sessions are rehearsed again on the new code:")
    walker.stage.twinline("app", "deploy", COURIER.name, str((EXAMPLES / MENDED).relative_to(ROOT)))
    walker.stage.twinline("rehearse", "2")
    verdicts = {each.application: each.verdict for each in newest(walker).applications}
    clean = verdicts == {cast.name: ApplicationVerdict.UNCHANGED for cast in APPLICATIONS}
    account.check(clean, "every production application is unchanged", verdicts)

    account.remark("The soak still holds:")
    walker.stage.twinline("promote", "2", code=1)
    excuse = walker.stage.read(Excuse, "excuse", "2", code=1)
    holding = [gate for gate in excuse.gates if gate.verdict is Verdict.WAIT]
    account.check(
        [gate.gate for gate in holding] == ["soak"] and "14" in holding[0].sentence,
        f"only the soak holds it: {holding[0].sentence if holding else 'nothing'}",
        excuse.gates,
    )
    _serves(walker, 1)


def _promoted(walker: Walker) -> None:
    account.remark("A conversation with each application is open, others come and go, and build 2 is promoted:")
    open_ones = [_opened(walker, cast) for cast in APPLICATIONS]
    key = walker.stage.read(Key, "key", "create", BY).secret
    account.command(f"export TWINLINE_API_KEY=$(twinline key create {BY} --json | jq -r .secret)")
    walker.stage.twinline("promote", "2", "--override", "soak", "--reason", REASON, key=key)
    record = _newest_move(walker)
    let_past = [(each.gate, each.reason) for each in record.overrides]
    account.check(let_past == [("soak", REASON)], "the record shows the override with its reason", record)
    account.check(record.overrides[0].by == record.by == BY, f"and who said so: {BY}", record)
    account.check(
        len(record.in_flight) >= len(open_ones), f"sessions in flight at that moment: {len(record.in_flight)}", record
    )
    _serves(walker, 2)
    account.remark("A second promotion is refused while conversations are open:")
    walker.stage.twinline("promote", "1", code=1)

    account.remark("Who begins now begins on build 2; who had begun ends on build 1:")
    for cast in APPLICATIONS:
        _whole(walker, cast, on=2)
    for cast, number in zip(APPLICATIONS, open_ones, strict=True):
        _finished(walker, cast, number, on=1)
    _ledger_closed(walker, 1)


def _rolled_back(walker: Walker) -> None:
    account.remark("And back, with a conversation open on build 2:")
    number = _opened(walker, COURIER)
    walker.stage.twinline("rollback", "--reason", "demonstration: the way back is one pointer move")
    _serves(walker, 1)
    _whole(walker, COURIER, on=1)
    _finished(walker, COURIER, number, on=2)
    _ledger_closed(walker, 2)
    walker.stage.twinline("promotion", "list")


def _opened(walker: Walker, cast: Cast) -> str:
    number = walker.people.somebody()
    walker.people.hold(number, cast.address, cast.conversations[0][:1])
    return number


def _finished(walker: Walker, cast: Cast, number: str, *, on: int) -> None:
    walker.people.hold(number, cast.address, cast.conversations[0][1:])
    _ran_on(walker, cast, number, on)


def _whole(walker: Walker, cast: Cast, *, on: int) -> None:
    number = walker.people.somebody()
    walker.people.hold(number, cast.address, cast.conversations[0], quiet=True)
    _ran_on(walker, cast, number, on)


def _ran_on(walker: Walker, cast: Cast, number: str, build: int) -> None:
    def look() -> list[SessionView] | None:
        return [each for each in walker.sessions(cast.name) if each.caller == number and each.outcome] or None

    builds = [session.build for session in account.until(look, f"the session of {number} is stored")]
    account.check(builds == [build], f"{cast.name} with {number}: one session, on build {build}", builds)


def _ledger_closed(walker: Walker, build: int) -> None:
    def look() -> Promotion | None:
        move = _newest_move(walker)
        return move if move.done_at is not None else None

    move = account.until(look, "the last session on the old build has ended", seconds=60)
    finished = move.finished == {str(build): len(move.in_flight)} and move.state is not PromotionState.DRAINING
    account.check(finished, f"all {len(move.in_flight)} sessions in flight ended on build {build}; dropped: 0", move)


def _newest_move(walker: Walker) -> Promotion:
    return walker.stage.read(list[Promotion], "promotion", "list")[0]


def _serves(walker: Walker, build: int) -> None:
    current = walker.stage.cluster(Cluster.PRODUCTION).current
    account.check(current == build, f"production's new sessions go to build {build}", current)


def _gates(walker: Walker) -> dict[str, Verdict]:
    return {gate.gate: gate.verdict for gate in walker.stage.read(Excuse, "excuse", "2", code=1).gates}
