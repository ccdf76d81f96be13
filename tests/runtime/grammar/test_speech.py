"""What a recogniser is given, and how its words are understood."""

import pytest

from twinline.runtime.grammar import compile_grammar


def understood(choices: str, words: str) -> tuple[str, str] | None:
    choice = compile_grammar(choices).match_speech(words)
    return choice and (choice.concept, choice.interpretation)


@pytest.mark.parametrize(
    ("choices", "words", "meaning"),
    [
        ("sales(1, sales), help(0)", "sales", ("sales", "sales")),
        ("sales(1, sales), help(0)", "one", ("sales", "1")),
        ("sales(1, sales), help(0)", "oh", ("help", "0")),
        ("[5 DIGITS]", "nine four zero seven oh", ("94070", "94070")),
        ("[5 DIGITS]", "94070", ("94070", "94070")),
        ("12, 120, 1980", "twelve", ("12", "12")),
        ("12, 120, 1980", "one two", ("12", "12")),
        ("12, 120, 1980", "one hundred twenty", ("120", "120")),
        ("12, 120, 1980", "nineteen eighty", ("1980", "1980")),
        ("25th Street(Route 25)", "Route twenty-five.", ("25th Street", "Route 25")),
        ("*, #", "star", ("*", "*")),
        ("*, #", "pound", ("#", "#")),
        ("t-shirt, don't know", "T-Shirt!", ("t-shirt", "t-shirt")),
        ("Q & A", "q and a", ("Q & A", "Q & A")),
        ("red, blue", "green", None),
        ("red, blue", "", None),
        ("[5 DIGITS]", "nine four", None),
        ("[ANY]", "hello", None),
    ],
)
def test_spoken_words_are_understood(choices: str, words: str, meaning: tuple[str, str] | None) -> None:
    assert understood(choices, words) == meaning


def test_confidence_and_words_of_the_recogniser_are_told_on() -> None:
    choice = compile_grammar("sales(1)").match_speech("one", 71)
    assert choice is not None
    assert (choice.utterance, choice.confidence) == ("one", 71)


@pytest.mark.parametrize("choices", ["[ANY]", "dtmf-1, dtmf-2", "<grammar mode='dtmf'><rule id='a'>1</rule></grammar>"])
def test_what_cannot_be_spoken_is_no_grammar_for_a_recogniser(choices: str) -> None:
    assert compile_grammar(choices).to_jsgf() is None
    assert not compile_grammar(choices).for_speech


def test_recogniser_is_given_small_letters_and_numbers_as_words() -> None:
    assert compile_grammar("Sales(1, Buy things), [2-3 DIGITS], stop, [ANY]").to_jsgf() == (
        "#JSGF V1.0 UTF-8;\n"
        "grammar twinline;\n"
        "public <choices> = ( one | buy things ) {Sales} | <digit> <digit> [ <digit> ] | stop;\n"
        "<digit> = zero | oh | one | two | three | four | five | six | seven | eight | nine;\n"
    )


def test_rules_weights_and_labels_go_with_the_grammar() -> None:
    jsgf = "#JSGF V1.0; public <a> = [I want] <b>+ {x\\}y}; <b> = /2/ big | /0.5/ (small | tiny) {s};"
    assert compile_grammar(jsgf).to_jsgf() == (
        "#JSGF V1.0 UTF-8;\n"
        "grammar twinline;\n"
        "public <choices> = <rule2>;\n"
        "<rule1> = /2.000000/ big | /0.500000/ ( small | tiny ) {s};\n"
        "<rule2> = [ i want ] <part1>+ {x\\}y};\n"
        "<part1> = <rule1>;\n"
    )


def test_repetition_beyond_what_people_say_has_no_bound_for_the_recogniser_but_has_one_here() -> None:
    grammar = compile_grammar("[2-255 DIGITS]")
    jsgf = grammar.to_jsgf()
    assert jsgf is not None
    assert "<digit> <digit>+;" in jsgf
    assert grammar.match_speech("one " * 256) is None
    assert grammar.match_speech("one " * 255) is not None
