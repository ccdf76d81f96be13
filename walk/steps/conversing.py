"""The third step: real messages, whole conversations, and all of it stored."""

from twinline.model.builds import Cluster
from twinline.model.transcript import HttpExchange, MessageReceived, MessageSent, Outcome, Transcript
from walk import account
from walk.cast import APPLICATIONS, Cast
from walk.people import Conversation
from walk.walker import Walker


def step(walker: Walker) -> None:
    """Messages arrive as curl would send them; replies go out through the carrier; every session is stored."""
    for cast in APPLICATIONS:
        for number, conversation in enumerate(cast.conversations):
            account.remark(f"{cast.name}, conversation {number + 1} of {len(cast.conversations)}:")
            person = walker.people.somebody()
            first, *rest = conversation
            # The first message of each application is shown as the command it is; the others as what was said.
            walker.people.says(person, cast.address, first.says, quiet=number > 0)
            if number > 0:
                account.said(person, first.says)
            walker.people.hears(person, cast.address, first.hears)
            walker.people.hold(person, cast.address, rest)
    for cast in APPLICATIONS:
        _check_stored(walker, cast)

    account.remark("A second start on the same data finds everything again:")
    walker.stop()
    walker.start()
    for cast in APPLICATIONS:
        found = walker.sessions(cast.name)
        account.check(len(found) == len(cast.conversations), f"{cast.name} has its {len(found)} sessions", found)
    for cluster in Cluster:
        walker.workers(cluster, 1)
    walker.stage.twinline("status")


def _check_stored(walker: Walker, cast: Cast) -> None:
    sessions = walker.ended_sessions(cast.name, len(cast.conversations))
    outcomes = {session.outcome for session in sessions}
    account.check(
        outcomes == {Outcome.COMPLETED} and {session.build for session in sessions} == {1},
        f"{cast.name}: {len(sessions)} sessions are stored, completed, on build 1",
        sessions,
    )
    transcripts = [walker.session(session.id).transcript for session in sessions]
    heard = sorted(_texts(transcript) for transcript in transcripts)
    wanted = sorted(_said(conversation) for conversation in cast.conversations)
    account.check(heard == wanted, f"{cast.name}: every message that was sent is in a transcript", heard)
    events = [event for transcript in transcripts for event in transcript]
    looked_up = [event for event in events if isinstance(event, HttpExchange) and event.response]
    account.check(looked_up, f"{cast.name}: {len(looked_up)} HTTP look-ups are in the cassettes", events)
    aside = {event.recipient for event in events if isinstance(event, MessageSent)} - {each.caller for each in sessions}
    account.check(aside, f"{cast.name}: messages also went to {', '.join(sorted(aside))}", events)
    walker.stage.twinline("session", "show", sessions[-1].id)


def _texts(transcript: Transcript) -> tuple[str, ...]:
    return tuple(event.text for event in transcript if isinstance(event, MessageReceived))


def _said(conversation: Conversation) -> tuple[str, ...]:
    return tuple(turn.says for turn in conversation)
