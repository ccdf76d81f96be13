"""Which sessions are rehearsed, and what makes two sessions alike."""

from hypothesis import given
from hypothesis import strategies as st
from tests.rehearsal.sessions import THROWS, ask, http, say, session

from twinline.model.transcript import Outcome
from twinline.rehearsal import StoredSession, select, signature


def stored(name: str, at: float, signature: str = "a", failed: bool = False, application: str = "app") -> StoredSession:
    return StoredSession(name, application, at, Outcome.FAILED if failed else Outcome.COMPLETED, signature)


def chosen(sessions: list[StoredSession], budget: int) -> list[str]:
    return [session.session for session in select(sessions, budget)[0]]


def test_newest_session_of_each_behaviour_comes_before_more_of_the_same() -> None:
    sessions = [stored("old-a", 1), stored("new-a", 2), stored("rare", 0, "b"), stored("newest-a", 3)]
    assert chosen(sessions, 2) == ["newest-a", "rare"]
    assert chosen(sessions, 3) == ["newest-a", "rare", "new-a"]


def test_failures_are_in_before_the_rest() -> None:
    sessions = [stored("fail-1", 1, "f", failed=True), stored("fail-2", 2, "f", failed=True)]
    sessions += [stored(f"good-{n}", 10 + n) for n in range(5)]
    assert chosen(sessions, 3) == ["fail-2", "good-4", "fail-1"]


def test_thousand_equal_failures_do_not_crowd_out_other_behaviour() -> None:
    sessions = [stored(f"fail-{n}", n, "f", failed=True) for n in range(1000)] + [stored("good", 0)]
    assert "good" in chosen(sessions, 2)


def test_each_application_has_the_budget_for_itself() -> None:
    sessions = [stored(f"{app}-{n}", n, application=app) for app in "xy" for n in range(3)]
    assert chosen(sessions, 2) == ["x-2", "x-1", "y-2", "y-1"]


@given(
    st.lists(st.builds(stored, st.uuids().map(str), st.floats(0, 9), st.sampled_from("abc"), st.booleans())),
    st.integers(0, 9),
)
def test_nothing_is_lost_and_the_budget_is_kept(sessions: list[StoredSession], budget: int) -> None:
    taken, left_out = select(sessions, budget)
    assert sorted((*taken, *left_out), key=repr) == sorted(sessions, key=repr)
    assert len(taken) == min(budget, len(sessions))


def test_same_way_with_other_data_is_the_same_behaviour() -> None:
    one = session(ask(1, "Number?", "123456", "[6 DIGITS]"), http("http://p.example/parcels/123456"), say(2, "Monday"))
    two = session(ask(1, "Number?", "777777", "[6 DIGITS]"), http("http://p.example/parcels/777777"), say(2, "Friday"))
    assert signature(one) == signature(two)


def test_other_choice_other_answer_and_other_ending_are_other_behaviours() -> None:
    yes, no = (session(ask(1, "Sure?", answer)) for answer in ("yes", "no"))
    found, missing = (session(http(status=status)) for status in (200, 404))
    ended = session(outcome=Outcome.TIMED_OUT)
    assert len({signature(each) for each in (yes, no, found, missing, ended, THROWS)}) == 6
