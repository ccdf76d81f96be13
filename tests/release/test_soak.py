"""Soak is healthy seconds that somebody saw, on development, of this build and no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinline.release import Observation, Soak, observe
from twinline.release.soak import LONGEST_GAP


def test_a_new_build_starts_at_zero() -> None:
    assert Soak(3).seconds == 0.0


def test_healthy_seconds_add_up() -> None:
    soak = observe(observe(Soak(2), Observation(5.0, 2, True)), Observation(4.5, 2, True))
    assert soak == Soak(2, 9.5)


def test_seconds_without_a_worker_do_not_count_and_are_named() -> None:
    soak = observe(Soak(2, 10.0), Observation(5.0, 2, False))
    assert soak == Soak(2, 10.0, {"no worker of it was alive": 5.0})


def test_the_clock_stands_while_development_runs_another_build() -> None:
    soak = Soak(2, 10.0)
    for seen in (Observation(5.0, 3, True), Observation(5.0, 3, True), Observation(2.0, None, True)):
        soak = observe(soak, seen)
    assert soak.seconds == 10.0
    assert soak.pauses == {"development ran build 3": 10.0, "development ran no build": 2.0}


def test_it_goes_on_where_it_stood() -> None:
    soak = observe(observe(Soak(2, 10.0), Observation(5.0, 3, True)), Observation(5.0, 2, True))
    assert soak.seconds == 15.0


def test_time_that_nobody_watched_does_not_count() -> None:
    soak = observe(Soak(2), Observation(3600.0, 2, True))
    assert soak == Soak(2, LONGEST_GAP, {"nobody watched": 3600.0 - LONGEST_GAP})


def test_a_clock_that_steps_back_takes_nothing_away() -> None:
    assert observe(Soak(2, 10.0), Observation(-5.0, 2, True)) == Soak(2, 10.0)


seen = st.builds(Observation, st.floats(0, 200), st.sampled_from([None, 2, 3]), st.booleans())


@given(st.lists(seen, max_size=50))
def test_every_second_is_soak_or_a_named_pause(observations: list[Observation]) -> None:
    soak = Soak(2)
    for observation in observations:
        before, soak = soak, observe(soak, observation)
        assert before.seconds <= soak.seconds <= before.seconds + LONGEST_GAP
    total = sum(observation.elapsed for observation in observations)
    assert soak.seconds + sum(soak.pauses.values()) == pytest.approx(total)
