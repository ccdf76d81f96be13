"""Conversations go on while every process of the platform is killed in turn: nothing is lost, nothing comes twice."""

import itertools
import threading
import time
import urllib.error

import pytest

from tests.acceptance.conftest import ORDER, PATIENCE, Running, kill
from twinline.control.schema import SessionView
from twinline.model.errors import Trouble
from twinline.model.transcript import MessageSent

ADDRESS = "+15550101"
CALLERS = 16
_numbers = itertools.count()


def write(platform: Running, caller: str, text: str) -> None:
    """Write as a carrier does: with the same identifier until the message is accepted."""
    identifier = f"k{next(_numbers)}"
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            platform.carrier.send(platform.edge, sender=caller, recipient=ADDRESS, text=text, identifier=identifier)
        except (OSError, urllib.error.URLError):
            assert time.monotonic() < deadline, f"{text!r} of {caller} was not accepted"
            time.sleep(0.1)
        else:
            return


def talk(platform: Running, index: int, failures: list[Exception]) -> None:
    caller = f"+1555020{index:04d}"
    try:
        for count, text in enumerate(("hello", "12", f"Anna {index}"), start=1):
            write(platform, caller, text)
            platform.carrier.wait_for(sender=ADDRESS, recipient=caller, count=count, timeout=PATIENCE)
            time.sleep(0.2 * (index % 5))
    except (AssertionError, TimeoutError) as failure:
        failures.append(failure)


@pytest.fixture(scope="module", autouse=True)
def application(platform: Running) -> None:
    platform.deploy("orders", ORDER, ADDRESS)


@pytest.mark.timeout(300)
def test_nothing_is_lost_and_nothing_comes_twice(platform: Running) -> None:
    failures: list[Exception] = []
    callers = [threading.Thread(target=talk, args=(platform, index, failures)) for index in range(CALLERS)]
    for caller in callers:
        caller.start()
    for name in ("production-1-0", "network", "nats", "control", "production-1-0"):
        time.sleep(1.0)
        kill(platform.children()[name])
    for caller in callers:
        caller.join()
    assert not failures
    for index in range(CALLERS):
        texts = platform.carrier.texts(sender=ADDRESS, recipient=f"+1555020{index:04d}")
        assert texts == ["How many?", "For whom?", f"12 for Anna {index}"]
    assert platform.carrier.texts(sender=ADDRESS, recipient="+15550109") == ["order: 12"] * CALLERS


def test_every_session_is_stored_whole(platform: Running) -> None:
    sessions = stored(platform)
    assert {(session.outcome, session.turns) for session in sessions} == {("completed", 3)}
    for session in sessions:
        transcript = platform.client.session(session.id).transcript
        sent = [event.text for event in transcript if isinstance(event, MessageSent)]
        assert sent[:3] == ["How many?", "For whom?", "order: 12"]
        assert len(sent) == 4


def stored(platform: Running) -> list[SessionView]:
    """The sessions, once all have ended and the killed control plane is back."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            sessions = platform.client.sessions(application="orders", limit=100)
        except Trouble:
            sessions = []
        if len(sessions) == CALLERS and all(session.outcome for session in sessions):
            return sessions
        assert time.monotonic() < deadline, sessions
        time.sleep(0.2)
