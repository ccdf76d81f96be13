"""Options as real programs write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinline.runtime.session.options import TIMEOUT_LIMIT, address, ask_options, message_options, seconds


def ask(**arguments: object) -> tuple[int, float]:
    options = ask_options(arguments, lambda _: None)
    return options.attempts, options.timeout


@pytest.mark.parametrize(
    ("written", "read"),
    [(7, 7.0), ("7", 7.0), ("10.0", 10.0), ("10s", 10.0), ("500ms", 0.5), (" 2 S", 2.0), (".5", 0.5)],
)
def test_durations_are_numbers_or_strings(written: object, read: float) -> None:
    assert seconds(written) == read


@pytest.mark.parametrize("written", ["soon", "", None, True, -1, "1e999", [3]])
def test_what_is_no_duration_is_none(written: object) -> None:
    assert seconds(written) is None


def test_the_defaults_are_one_attempt_of_thirty_seconds() -> None:
    assert ask() == (1, 30.0)


def test_repeat_of_the_first_generation_counts_extra_tries() -> None:
    assert ask(repeat=2) == (3, 30.0)
    assert ask(repeat=2, attempts="2") == (2, 30.0)


def test_no_attempts_means_that_nothing_is_asked() -> None:
    assert ask(attempts=0) == (0, 30.0)


def test_an_unreadable_timeout_is_reported_and_the_default_used() -> None:
    warnings: list[str] = []
    assert ask_options({"timeout": "soon"}, warnings.append).timeout == 30.0
    assert "'soon'" in warnings[0]


@given(st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.booleans(), st.lists(st.integers())))
def test_any_timeout_ends(value: object) -> None:
    assert 0.0 <= ask_options({"timeout": value, "attempts": value}, lambda _: None).timeout <= TIMEOUT_LIMIT


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("+1 (415) 555-0100", "+14155550100"),
        ("tel:+14155550100", "+14155550100"),
        ("4155550100", "+14155550100"),
        ("14155550100", "+14155550100"),
        ("54321", "54321"),
        ("sip:anna@example.com", "sip:anna@example.com"),
    ],
)
def test_numbers_are_kept_as_e164(written: str, kept: str) -> None:
    assert address(written) == kept


def test_a_message_goes_to_one_or_many() -> None:
    assert message_options({"text": "hi", "to": "4155550100"}, "SMS").to == ("+14155550100",)
    assert message_options({"text": "hi", "to": ["+1", "54321"]}, "SMS").to == ("+1", "54321")
    assert message_options({"text": "hi"}, "SMS").to == ()
