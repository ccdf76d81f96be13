"""How a typed message is understood."""

import pytest

from twinline.runtime.grammar import compile_grammar


def understood(choices: str, text: str) -> tuple[str, str] | None:
    choice = compile_grammar(choices).match_text(text)
    return choice and (choice.concept, choice.interpretation)


@pytest.mark.parametrize(
    "text", ["yes", "YES", "  Yes \n", "yes!", "«Yes.»", "\uff39\uff25\uff33", "yes 👍", "yes ❤️", "...yes..."]
)
def test_case_width_and_punctuation_make_no_difference(text: str) -> None:
    assert understood("yes, no", text) == ("yes", "yes")


def test_concept_is_told_apart_from_the_alternative_that_was_said() -> None:
    assert understood("sales(1, buy things), help(0)", "Buy   things") == ("sales", "buy things")


def test_name_of_a_concept_is_not_an_answer_by_itself() -> None:
    assert understood("sales(1, buy)", "sales") is None


def test_utterance_is_the_message_as_it_came() -> None:
    choice = compile_grammar("yes").match_text(" Yes! ")
    assert choice is not None
    assert (choice.utterance, choice.confidence) == (" Yes! ", 100)


@pytest.mark.parametrize("text", ["yes please", "yesterday", "ye", "", "   ", "!?", "\x00"])
def test_other_words_are_no_choice(text: str) -> None:
    assert understood("yes, no", text) is None


def test_first_of_two_equal_alternatives_wins() -> None:
    assert understood("lakers(LA, lakers), clippers(LA)", "la") == ("lakers", "LA")


def test_keys_are_answers_and_not_punctuation() -> None:
    assert understood("1, *, #", "*") == ("*", "*")
    assert understood("1, *, #", "#") == ("#", "#")
    assert understood("1, *, #", "*#") is None


def test_whole_spelling_is_preferred_to_the_bare_one() -> None:
    assert understood("plus(c++), plain(c)", "C") == ("plain", "c")
    assert understood("plus(c++), plain(c)", "c++") == ("plus", "c++")


def test_curled_apostrophe_is_an_apostrophe() -> None:
    assert understood("don't know", "Don\u2019t know") == ("don't know", "don't know")


def test_letters_compare_beyond_ascii() -> None:
    assert understood("ÉCLAIR, straße", "e\u0301clair") == ("ÉCLAIR", "ÉCLAIR")
    assert understood("ÉCLAIR, straße", "STRASSE") == ("straße", "straße")


@pytest.mark.parametrize(
    "text",
    ["58201", "5 8 2 0 1", "58-201", "#58201.", "\uff15\uff18\uff12\uff10\uff11", "\u0665\u0668\u0662\u0660\u0661"],
)
def test_digits_may_be_spaced_and_of_any_script(text: str) -> None:
    assert understood("[5 DIGITS]", text) == ("58201", "58201")


def test_digits_of_a_concept_are_its_interpretation() -> None:
    assert understood("zipcode([5 DIGITS])", "58201") == ("zipcode", "58201")


def test_digits_are_found_inside_a_longer_message() -> None:
    assert understood("[5 DIGITS]", "58201 pizza") == ("58201", "58201")
    assert understood("[5 DIGITS]", "pizza in zip:58201-1234, 3 of them") == ("58201", "58201")


@pytest.mark.parametrize("text", ["5820", "582011", "call 5551234567", "58 201 pizzas"])
def test_another_number_of_digits_is_no_choice(text: str) -> None:
    assert understood("[5 DIGITS]", text) is None


def test_range_of_digits_includes_both_ends() -> None:
    assert [understood("[2-3 DIGITS]", "9" * count) is not None for count in (1, 2, 3, 4)] == [False, True, True, False]


def test_order_decides_between_a_word_and_digits() -> None:
    assert understood("operator(0), [1 DIGIT]", "0") == ("operator", "0")
    assert understood("[1 DIGIT], operator(0)", "0") == ("0", "0")


def test_words_that_are_the_whole_message_beat_digits_within_it() -> None:
    assert understood("[1 DIGIT], route 7", "route 7") == ("route 7", "route 7")


def test_any_takes_what_nothing_else_does() -> None:
    assert understood("[ANY], stop, [4 DIGITS]", "stop") == ("stop", "stop")
    assert understood("[ANY], stop, [4 DIGITS]", "pin 1234") == ("1234", "1234")
    assert understood("[ANY], stop, [4 DIGITS]", " I like it! ") == ("I like it!", "I like it!")
    assert understood("comment([ANY])", "I like it!") == ("comment", "I like it!")


def test_empty_message_is_not_even_any() -> None:
    assert understood("[ANY]", " \n") is None


def test_concept_inside_a_concept_is_how_the_answer_is_understood() -> None:
    choices = "food(pizza(pie, 1), soup), drink(tea(green tea))"
    assert understood(choices, "pie") == ("food", "pizza")
    assert understood(choices, "soup") == ("food", "soup")
    assert understood(choices, "green tea") == ("drink", "tea")
    assert understood("code(pin([4 DIGITS]), name([ANY]))", "1234") == ("code", "pin")
    assert understood("code(pin([4 DIGITS]), name([ANY]))", "Ann") == ("code", "name")
