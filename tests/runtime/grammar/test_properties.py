"""What holds for every grammar and every message."""

import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.runtime.grammar.generating import FORMS, WORD, as_jsgf, as_srgs, generated

from twinline.runtime.grammar import Digits, Grammar, GrammarError, KeyStage, Option, Words, compile_grammar
from twinline.runtime.grammar.checks import checked
from twinline.runtime.grammar.export import COPIES_LIMIT
from twinline.runtime.grammar.form import Form
from twinline.runtime.grammar.simple import read_simple
from twinline.runtime.grammar.text import TextMatcher

SEEN_WORD = st.text(
    st.characters(categories=["L", "N", "M", "S", "Po"], exclude_characters=",()[]\"'"), min_size=1, max_size=12
)
LITERAL = st.lists(SEEN_WORD, min_size=1, max_size=3).map(" ".join).filter(lambda text: text.strip() != "")
# What a message must have to be an answer: something that is seen.
SEEN = LITERAL.filter(lambda text: any(character.isalnum() for character in text))
DIGITS = st.tuples(st.integers(1, 255), st.integers(1, 255)).map(lambda pair: Digits(min(pair), max(pair)))
ITEM = st.one_of(SEEN.map(lambda text: Words(" ".join(text.split()))), DIGITS)
OPTION = st.builds(
    Option,
    st.none() | SEEN.map(lambda text: " ".join(text.split())),
    st.lists(ITEM, min_size=1, max_size=4).map(tuple),
).filter(lambda option: option.concept is not None or len(option.items) == 1)
OPTIONS = st.lists(OPTION, min_size=1, max_size=6).map(tuple)


def written(option: Option) -> str:
    items = ", ".join(
        item.text if isinstance(item, Words) else f"[{item.least}-{item.most} DIGITS]"
        for item in option.items
        if isinstance(item, Words | Digits)
    )
    return items if option.concept is None else f"{option.concept} ({items})"


@given(OPTIONS)
def test_what_is_written_is_read_back(options: tuple[Option, ...]) -> None:
    assert read_simple(", ".join(map(written, options))).options == options


@given(OPTIONS, st.data())
def test_grammar_accepts_what_it_generates(options: tuple[Option, ...], data: st.DataObject) -> None:
    item = data.draw(st.sampled_from([item for option in options for item in option.items]))
    if isinstance(item, Digits):
        text = data.draw(st.text("0123456789", min_size=item.least, max_size=item.most))
    else:
        assert isinstance(item, Words)
        text = data.draw(st.sampled_from([item.text, f"  {item.text}\n"]))
    assert TextMatcher(options).match(text) is not None


JSGF = st.lists(
    st.sampled_from(
        ["public ", "<a>", "<b>", "=", ";", "|", "(", ")", "[", "]", "*", "+", "{t}", "/2/", "x", '"y z"', "\n"]
    )
).map(lambda pieces: "#JSGF V1.0;" + "".join(pieces))
TAGS = [
    "<rule id='a'>",
    "</rule>",
    "<item>",
    "<item repeat='0-1'>",
    "</item>",
    "<one-of>",
    "</one-of>",
    "<tag>",
    "</tag>",
]
SRGS = st.lists(
    st.sampled_from([*TAGS, "<ruleref uri='#a'/>", "out='x'", "&amp;", "&x;", "<!--", "-->", "x", "\n"])
).map(lambda pieces: "<grammar>" + "".join(pieces) + "</grammar>")


@given(st.text() | st.text("ab 12,()[]'\"-DIGITSANY#*\n") | JSGF | SRGS | st.text().map("#JSGF V1.0;\n{}".format))
@example("<grammar><rule id='a'>\udfff</rule></grammar>")
def test_any_text_is_a_grammar_or_a_grammar_error(text: str) -> None:
    try:
        options = compile_grammar(text).options
    except GrammarError as error:
        options, where = (), error.where
    assert options or where.startswith("choices")


@given(st.text())
def test_any_message_is_a_choice_of_any_or_is_empty(text: str) -> None:
    choice = compile_grammar("yes, [3 DIGITS], [ANY]").match_text(text)
    assert choice is None or choice.utterance == text
    assert (choice is None) <= (text.split() == [])


def test_longest_grammars_and_messages_are_read_in_linear_time() -> None:
    """Ten seconds of processor time are ten times what these take; anything quadratic needs minutes."""
    notations = (
        "#JSGF V1.0; public <a> = {}",
        "#JSGF V1.0; public <a> = b | {} c;",
        "<grammar><rule id='a'>{}",
        "<grammar><rule id='a'><one-of><item>b</item><item>{}</item></one-of></rule></grammar>",
        "<grammar><rule id='a'><tag>{}</tag></rule>",
    )
    for notation in notations:
        for piece in (
            "a ",
            "a|",
            "(",
            "[a",
            '"',
            "{",
            "/",
            "/*",
            "/1",
            "<",
            "<a",
            "&",
            "<item>",
            "<!--",
            "'",
            "out=",
            "a{t}",
        ):
            try:
                compile_grammar(notation.replace("{}", piece * (30_000 // len(piece)))).match_text("a a a a")
            except GrammarError:
                continue
    pieces = ("a,", ",", "'", "'a' ", '"', "(", "a(", "[1 DIGIT],", " ", "' ")
    started = time.process_time()
    for piece in pieces:
        try:
            compile_grammar(piece * (32_000 // len(piece)))
        except GrammarError:
            continue
    grammar = compile_grammar("yes, [3 DIGITS]")
    for piece in ("1 ", "1-", "12 ", "!", " ", "a1"):
        grammar.match_text(piece * 5_000)
    assert time.process_time() - started < 10


@settings(deadline=None)
@given(FORMS, st.data(), st.sampled_from([as_jsgf, as_srgs]))
def test_rules_accept_what_they_generate(form: Form, data: st.DataObject, notation: Callable[[Form], str]) -> None:
    grammar = compile_grammar(notation(form))
    answer = generated(form, data.draw)
    if answer and len(answer.split()) <= 40:
        choice = grammar.match_text(answer)
        assert choice is not None
        assert choice.interpretation.replace(" ", "") == answer.replace(" ", "")


@settings(deadline=None)
@given(FORMS, st.data())
def test_notations_of_the_same_rules_have_the_same_language(form: Form, data: st.DataObject) -> None:
    text = data.draw(st.lists(WORD, min_size=1, max_size=5).map(" ".join)) if data.draw(st.booleans()) else None
    answer = text or generated(form, data.draw)
    choices = [
        grammar.match_text(answer)
        for grammar in (Grammar("", checked(form)), *map(compile_grammar, (as_jsgf(form), as_srgs(form))))
    ]
    assert len({choice and choice.interpretation for choice in choices}) == 1


SPOKEN = ["yes", "no", "go", "left", "one", "two", "zero", "oh", "star", "don't", "été", "twelve", "please"]


@settings(deadline=None)
@given(FORMS, st.data())
def test_grammar_of_the_recogniser_has_the_same_language(form: Form, data: st.DataObject) -> None:
    grammar = Grammar("", checked(form))
    jsgf = grammar.to_jsgf()
    assert jsgf is not None
    exported = compile_grammar(jsgf)
    said = data.draw(st.lists(st.sampled_from(SPOKEN), min_size=1, max_size=4).map(" ".join))
    for words in (said, said_of(generated(form, data.draw))):
        assert (grammar.match_speech(words) is None) == (exported.match_speech(words) is None)


def sayable(options: tuple[Option, ...]) -> tuple[Option, ...]:
    """Options whose digits are few enough to be written out for a recogniser."""
    return tuple(
        Option(option.concept, tuple(shortened(item) if isinstance(item, Digits) else item for item in option.items))
        for option in options
    )


def shortened(digits: Digits) -> Digits:
    return Digits(min(digits.least, COPIES_LIMIT), min(digits.most, COPIES_LIMIT))


@settings(deadline=None)
@given(OPTIONS.map(sayable), st.data())
def test_grammar_of_the_recogniser_takes_the_concepts_with_it(options: tuple[Option, ...], data: st.DataObject) -> None:
    grammar = Grammar("", Form(options))
    jsgf = grammar.to_jsgf()
    item = data.draw(st.sampled_from([item for option in options for item in option.items]))
    words = said_of("1" * item.least) if isinstance(item, Digits) else item.text if isinstance(item, Words) else ""
    if jsgf is not None:
        here, there = grammar.match_speech(words), compile_grammar(jsgf).match_speech(words)
        assert (here is None) == (there is None)
        if here is not None and there is not None and there.tag is not None:
            assert there.tag == here.concept


@given(OPTIONS, st.text("0123456789*#", min_size=1, max_size=12))
def test_keys_one_by_one_are_understood_as_all_at_once(options: tuple[Option, ...], keys: str) -> None:
    grammar = Grammar("", Form(options))
    entry = grammar.key_entry(terminators="")
    for key in keys:
        if entry.ended:
            break
        entry = entry.press(key)
        assert entry.choice == grammar.match_keys(entry.keys)
        assert (entry.choice is not None) == (entry.stage in (KeyStage.ENOUGH, KeyStage.COMPLETE))
        if entry.stage in (KeyStage.COMPLETE, KeyStage.FAILED):
            assert all(grammar.match_keys(entry.keys + more) is None for more in "0123456789*#")


@pytest.mark.parametrize(
    "rules",
    [
        "public <a> = (((x*)*)*)* y;",
        "public <a> = " + "(" * 40 + "x" + ")*" * 40 + " y;",
        "public <a> = [x] [x] [x] [x] [x] [x] [x] [x] [x] [x] [x] [x] y;",
        "public <a> = x <a> | x <a> x | y;",
        "public <a> = <b>; <b> = (x <b> | <c>)*; <c> = (x | x x | x x x)+ y;",
        "public <a> = <b> <b>; " + " ".join(f"<{p}> = <{q}> <{q}>;" for p, q in pairwise("bcdefghijk")) + " <k> = x*;",
    ],
)
def test_ambiguous_rules_are_followed_in_bounded_time(rules: str) -> None:
    """Two seconds of processor time are ten times the limit of steps; an unbounded search would not end."""
    grammar = compile_grammar("#JSGF V1.0; " + rules)
    started = time.process_time()
    grammar.match_text("x " * 2_000)
    grammar.match_keys("1" * 200)
    assert time.process_time() - started < 2


def said_of(text: str) -> str:
    """Words as they are spoken, digit by digit."""
    names = {"0": "zero", "1": "one", "2": "two", "*": "star", "3": "three", "4": "four", "5": "five"}
    names |= {"6": "six", "7": "seven", "8": "eight", "9": "nine"}
    if text.isdecimal():
        return " ".join(names[digit] for digit in text)
    return " ".join(names.get(word, word) for word in text.split())
