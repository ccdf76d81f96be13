"""The count at the end: every message that was accepted, and every reply that was sent.

Comes in: what the edge accepted, what the carrier got, the stored transcripts. Goes out: nothing, or what is missing.
"""

from collections import Counter, defaultdict

from twinline.control.schema import ApplicationView, SessionDetail
from twinline.model.transcript import MessageReceived, MessageSent
from walk import account
from walk.walker import Walker


def check_nothing_lost(walker: Walker) -> None:
    """Check that each accepted message is in one session, in order, and each reply came to the carrier once."""
    account.remark("The count of the whole walk:")
    details = _stored(walker)
    heard: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    replies: Counter[tuple[str, str, str]] = Counter()
    for detail in details:
        for event in detail.transcript:
            if isinstance(event, MessageReceived):
                heard[detail.session.caller, detail.session.address].append(event.text)
            elif isinstance(event, MessageSent):
                replies[event.sender, event.recipient, event.text] += 1

    accepted: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for number, address, text in walker.people.accepted:
        accepted[number, address].append(text)
    count = len(walker.people.accepted)
    missing = {pair: (texts, heard.get(pair)) for pair, texts in accepted.items() if heard.get(pair) != texts}
    account.check(not missing, f"all {count} accepted messages are in {len(details)} sessions, in order", missing)

    arrived = Counter((each.sender, each.recipient, each.text) for each in walker.people.carrier.everything())
    account.check(
        arrived == replies, f"all {replies.total()} replies came to the carrier, none twice", arrived - replies
    )


def _stored(walker: Walker) -> list[SessionDetail]:
    """Every session with its transcript, once all have ended, in the order they began."""
    found: list[SessionDetail] = []
    for application in walker.stage.read(list[ApplicationView], "app", "list"):
        for session in walker.ended_sessions(application.name, 0):
            found.append(walker.stage.fetch(f"/api/sessions/{session.id}", SessionDetail))
    return sorted(found, key=lambda detail: detail.session.started_at)
