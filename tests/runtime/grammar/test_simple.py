"""What the simple grammar's notation means, and how a mistake in it is explained."""

import pytest

from twinline.runtime.grammar import ANYTHING, Digits, GrammarError, Option, Words, compile_grammar, is_reference
from twinline.runtime.grammar.form import Expansion, Means, OneOf


def meaning(text: str) -> list[Option]:
    return list(compile_grammar(text).options)


def within(name: str, *items: Expansion) -> Means:
    return Means(OneOf(items), name)


def plain(*words: str) -> list[Option]:
    return [Option(None, (Words(word),)) for word in words]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("red, blue, green", plain("red", "blue", "green")),
        ("red,\n  blue\t,\ngreen", plain("red", "blue", "green")),
        ("corn, 4, done,", plain("corn", "4", "done")),
        ("red,, blue", plain("red", "blue")),
        ("dark\n red", plain("dark red")),
        ("2, 0, *, #", plain("2", "0", "*", "#")),
        ("don't know, 'tis, 6\" sub", plain("don't know", "'tis", '6" sub')),
        ("'red, or crimson', \"blue (light)\"", plain("red, or crimson", "blue (light)")),
        ("sales(1, sales)", [Option("sales", (Words("1"), Words("sales")))]),
        ("sales (1),help(0)", [Option("sales", (Words("1"),)), Option("help", (Words("0"),))]),
        ("1st Floor (first, house wares, 1)", [Option("1st Floor", tuple(map(Words, ("first", "house wares", "1"))))]),
        ("pizza('pizza', \"pizzeria\")", [Option("pizza", (Words("pizza"), Words("pizzeria")))]),
        ("zipcode([5 DIGITS])", [Option("zipcode", (Digits(5, 5),))]),
        ("[5 DIGITS], [6 DIGITS]", [Option(None, (Digits(5, 5),)), Option(None, (Digits(6, 6),))]),
        ("food(pizza(pie, 1), soup)", [Option("food", (within("pizza", Words("pie"), Words("1")), Words("soup")))]),
        ("a('b'(c([2 DIGITS])))", [Option("a", (within("b", within("c", Digits(2, 2))),))]),
        ("[ANY]", [Option(None, (ANYTHING,))]),
        ("stop, comment([any])", [*plain("stop"), Option("comment", (ANYTHING,))]),
    ],
)
def test_notation_has_its_meaning(text: str, options: list[Option]) -> None:
    assert meaning(text) == options


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("[1 DIGIT]", Digits(1, 1)),
        ("[1 DIGITS]", Digits(1, 1)),
        ("[ 5 digits ]", Digits(5, 5)),
        ("[4-DIGITS]", Digits(4, 4)),
        ("[4-5 DIGITS]", Digits(4, 5)),
        ("[4 - 5 Digit]", Digits(4, 5)),
        ("[1-255 DIGITS]", Digits(1, 255)),
        ("[DIGITS]", Digits(1, 255)),
    ],
)
def test_digits_are_written_in_many_ways(text: str, digits: Digits) -> None:
    assert meaning(text) == [Option(None, (digits,))]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("yes, no)", "line 1, column 8", "unexpected ')'"),
        ("yes,\nsales(1", "line 2, column 8", "the choices end too early"),
        ("sales(1) support", "line 1, column 10", "unexpected 's'"),
        ("sales()", "line 1, column 7", "unexpected ')'"),
        ("a(b(c)d)", "line 1, column 7", "unexpected 'd'"),
        ("a(b()", "line 1, column 5", "unexpected ')'"),
        ("a(" * 80 + "b" + ")" * 80, "choices", "nested too deep"),
        ("(a)", "line 1, column 1", "unexpected '('"),
        ("yes, [5 COWS]", "line 1, column 9", "unexpected 'C'"),
        ("yes, \x00[\x01]", "line 1, column 7", "unexpected '['"),
        ("[\x01]", "line 1, column 2", "the character U+0001"),
        ('"red, blue', "line 1, column 1", "unexpected '\"'"),
        ("yes, ''", "line 1, column 6", "nothing between the quotes"),
        ("yes,\n [5-3 DIGITS]", "line 2, column 3", "runs backwards"),
        ("[0 DIGITS]", "line 1, column 2", "cannot have 0 digits"),
        ("[256 DIGITS]", "line 1, column 2", "cannot have 256 digits"),
        ("[" + "9" * 9_000 + " DIGITS]", "line 1, column 2", "cannot have 9999"),
        ("", "choices", "no choice"),
        (" , ,\n", "choices", "no choice"),
        ("a" * 70_000, "choices", "too long"),
        ("http://example.com/places.xml", "line 1, column 1", "URL"),
    ],
)
def test_mistake_is_explained_with_its_place(text: str, where: str, what: str) -> None:
    with pytest.raises(GrammarError) as caught:
        compile_grammar(text)
    assert caught.value.where.endswith(where)
    assert what in caught.value.what
    assert caught.value.mend


@pytest.mark.parametrize("text", ["http://example.com/a.xml", " HTTPS://example.com/menu.grxml?x=1"])
def test_url_is_a_reference_to_a_grammar(text: str) -> None:
    assert is_reference(text)


@pytest.mark.parametrize("text", ["yes, no", "#JSGF V1.0;", "<grammar/>", "http", "see http://example.com"])
def test_anything_else_is_no_reference(text: str) -> None:
    assert not is_reference(text)


def test_grammar_is_compiled_once_for_each_text() -> None:
    assert compile_grammar("once, only") is compile_grammar("once, only")
