"""The sixth step: the same failure, live, on a twin; production does not notice."""

from twinline.control.schema import ApplicationView
from twinline.model.builds import Cluster
from twinline.model.transcript import ErrorRaised, Outcome, SessionStarted
from walk import account
from walk.cast import COURIER, TWIN_ADDRESS, breaking_line
from walk.walker import Walker


def step(walker: Walker) -> None:
    """`twinline twin` makes a development copy: it fails live on build 2, while production answers on build 1."""
    stage, people = walker.stage, walker.people
    twin = stage.read(ApplicationView, "twin", COURIER.name, "--address", TWIN_ADDRESS)
    account.command(f"twinline twin {COURIER.name} --address {TWIN_ADDRESS}")
    stage.twinline("app", "show", twin.name)
    original = stage.read(ApplicationView, "app", "show", COURIER.name)
    account.check(twin.live == original.live, "the twin has the same code", (twin.live, original.live))
    account.check(twin.mode is Cluster.DEVELOPMENT, "and runs in development", twin.mode)

    account.remark("Somebody writes to the twin and somebody to production, the same words:")
    tester, customer = people.somebody(), people.somebody()
    before = {session.id for session in walker.sessions(COURIER.name)}
    *opening, breaking = COURIER.conversations[0]
    people.hold(tester, TWIN_ADDRESS, opening)
    account.said(tester, breaking.says)
    people.says(tester, TWIN_ADDRESS, breaking.says, quiet=True)
    people.hold(customer, COURIER.address, COURIER.conversations[0])

    failed = walker.ended_sessions(twin.name, 1)[0]
    stage.twinline("session", "show", failed.id)
    events = walker.session(failed.id).transcript
    pinned = next(event for event in events if isinstance(event, SessionStarted))
    account.check(pinned.build == 2, "the twin's session ran on build 2", pinned)
    thrown = [(event.error.file, event.error.line) for event in events if isinstance(event, ErrorRaised)]
    held = failed.outcome is Outcome.FAILED and breaking_line() in thrown
    account.check(held, f"and failed at {breaking_line()[0]}:{breaking_line()[1]}", (failed, thrown))

    ended = [session for session in walker.ended_sessions(COURIER.name, len(before) + 1) if session.id not in before]
    fine = len(ended) == 1 and ended[0].build == 1 and ended[0].outcome is Outcome.COMPLETED
    account.check(fine, "production answered on build 1, to the end", ended)
