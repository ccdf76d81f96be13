"""What holds for every grammar and every message."""

import time

from hypothesis import given
from hypothesis import strategies as st

from twinline.runtime.grammar import Digits, GrammarError, Option, Words, compile_grammar
from twinline.runtime.grammar.simple import read_simple
from twinline.runtime.grammar.text import TextMatcher

WORD = st.text(
    st.characters(categories=["L", "N", "M", "S", "Po"], exclude_characters=",()[]\"'"), min_size=1, max_size=12
)
LITERAL = st.lists(WORD, min_size=1, max_size=3).map(" ".join).filter(lambda text: text.strip() != "")
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


@given(st.text() | st.text("ab 12,()[]'\"-DIGITSANY#*\n"))
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
