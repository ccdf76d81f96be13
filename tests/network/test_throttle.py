"""A sender's allowance."""

from hypothesis import given
from hypothesis import strategies as st

from twinline.network.throttle import Throttle


def test_a_burst_is_allowed_and_then_the_rate() -> None:
    throttle = Throttle(rate=2.0, burst=3.0)
    assert [throttle.wait("a", 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert throttle.wait("a", 0.0) == 0.5
    assert throttle.wait("a", 0.5) == 0.0


def test_senders_do_not_share() -> None:
    throttle = Throttle(rate=1.0, burst=1.0)
    assert throttle.wait("a", 0.0) == 0.0
    assert throttle.wait("b", 0.0) == 0.0


@given(gaps=st.lists(st.floats(0, 3), max_size=60), rate=st.floats(0.5, 20), burst=st.integers(1, 20))
def test_never_more_than_burst_and_rate_allow(gaps: list[float], rate: float, burst: int) -> None:
    throttle = Throttle(rate, burst)
    now, taken = 1000.0, []
    for gap in gaps:
        now += gap
        wait = throttle.wait("a", now)
        if wait == 0.0:
            taken.append(now)
        else:
            assert throttle.wait("a", now + wait + 1e-6) == 0.0
            taken.append(now := now + wait + 1e-6)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= burst + rate * (taken[last] - taken[first]) + 1e-3
