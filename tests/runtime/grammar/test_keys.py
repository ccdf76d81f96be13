"""How an answer by keys is collected and understood."""

import pytest

from twinline.runtime.grammar import KeyEntry, KeyStage, compile_grammar


def entered(choices: str, keys: str, terminators: str = "#") -> KeyEntry:
    entry = compile_grammar(choices).key_entry(terminators)
    for key in keys:
        entry = entry.press(key)
    return entry


def understood(choices: str, keys: str) -> tuple[str, str, str] | None:
    choice = compile_grammar(choices).match_keys(keys)
    return choice and (choice.concept, choice.interpretation, choice.utterance)


def test_alternative_of_keys_is_a_choice() -> None:
    assert understood("sales(1, sales), help(0)", "1") == ("sales", "1", "1")
    assert understood("sales(1, sales), help(0)", "2") is None
    assert understood("sales(dtmf-1, sales)", "1") == ("sales", "dtmf-1", "1")
    assert understood("year(1 9 8 0)", "1980") == ("year", "1 9 8 0", "1980")


def test_digits_are_a_choice() -> None:
    assert understood("zip([5 DIGITS])", "94070") == ("zip", "94070", "94070")
    assert understood("a(b([5 DIGITS]))", "94070") == ("a", "b", "94070")


@pytest.mark.parametrize("choices", ["red, blue", "[ANY]", "one, two"])
def test_words_and_anything_have_no_keys(choices: str) -> None:
    assert not compile_grammar(choices).for_keys
    assert entered(choices, "1").stage is KeyStage.FAILED


@pytest.mark.parametrize(
    ("choices", "keys", "stage"),
    [
        ("[4 DIGITS]", "", KeyStage.EMPTY),
        ("[4 DIGITS]", "123", KeyStage.PARTIAL),
        ("[4 DIGITS]", "1234", KeyStage.COMPLETE),
        ("[4-5 DIGITS]", "1234", KeyStage.ENOUGH),
        ("[4-5 DIGITS]", "12345", KeyStage.COMPLETE),
        ("[4 DIGITS]", "12*", KeyStage.FAILED),
        ("1, 2, 3", "2", KeyStage.COMPLETE),
        ("1, 2, 3", "4", KeyStage.FAILED),
        ("1, 12", "1", KeyStage.ENOUGH),
        ("1, 12", "12", KeyStage.COMPLETE),
        ("1, [3 DIGITS]", "1", KeyStage.ENOUGH),
        ("*, #", "*", KeyStage.COMPLETE),
        ("stop(9), #", "9", KeyStage.COMPLETE),
    ],
)
def test_answer_is_complete_by_count(choices: str, keys: str, stage: KeyStage) -> None:
    assert entered(choices, keys).stage is stage


def test_terminator_ends_an_answer_and_is_no_part_of_it() -> None:
    entry = entered("[4-5 DIGITS]", "1234#")
    assert (entry.stage, entry.keys) == (KeyStage.COMPLETE, "1234")
    assert entry.choice is not None
    assert entry.choice.interpretation == "1234"


@pytest.mark.parametrize("keys", ["#", "12#"])
def test_terminator_that_comes_too_early_fails_the_answer(keys: str) -> None:
    assert entered("[4 DIGITS]", keys).stage is KeyStage.FAILED


def test_terminator_that_the_grammar_takes_is_an_answer() -> None:
    entry = entered("1, 2, #", "#")
    assert entry.choice is not None
    assert entry.choice.concept == "#"


def test_any_of_several_terminators_ends_an_answer_and_none_may_be_wanted() -> None:
    assert entered("[1-9 DIGITS]", "12*", "*#").stage is KeyStage.COMPLETE
    assert entered("[1-9 DIGITS]", "12#", "").stage is KeyStage.FAILED


def test_pause_ends_an_answer_that_is_enough() -> None:
    entry = entered("[4-5 DIGITS]", "1234")
    assert entry.awaits_pause
    assert entry.pause().stage is KeyStage.COMPLETE
    assert entry.pause().choice == compile_grammar("[4-5 DIGITS]").match_keys("1234")


def test_pause_fails_an_answer_that_is_not() -> None:
    assert entered("[4 DIGITS]", "123").awaits_pause
    assert entered("[4 DIGITS]", "123").pause().stage is KeyStage.FAILED


def test_pause_before_the_first_key_changes_nothing() -> None:
    entry = entered("[4 DIGITS]", "")
    assert not entry.awaits_pause
    assert entry.pause() == entry


@pytest.mark.parametrize("keys", ["1", "2"])
def test_ended_answer_takes_no_more(keys: str) -> None:
    entry = entered("1", keys)
    assert entry.ended
    with pytest.raises(ValueError, match="ended already"):
        entry.press("1")
    with pytest.raises(ValueError, match="ended already"):
        entry.pause()


def test_rules_collect_keys_too() -> None:
    jsgf = '#JSGF V1.0; public <pin> = <digit> <digit>+ "*"; <digit> = 1 {one} | 2 {two} | three;'
    stages = [entered(jsgf, "12121*"[:count]).stage for count in range(7)]
    assert stages == [KeyStage.EMPTY, *[KeyStage.PARTIAL] * 5, KeyStage.COMPLETE]
    assert understood(jsgf, "121*") == ("one two one", "121*", "121*")


def test_way_that_no_key_can_finish_is_not_waited_for() -> None:
    assert entered("#JSGF V1.0; public <a> = 1 2 please | 1;", "1").stage is KeyStage.COMPLETE
    assert entered("#JSGF V1.0; public <a> = 1 <b> | 1; <b> = 2 <c>; <c> = word;", "1").stage is KeyStage.COMPLETE
