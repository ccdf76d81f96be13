"""What JSGF means, and how a mistake in it is explained."""

import pytest

from twinline.model.transcript import Choice
from twinline.runtime.grammar import GrammarError, compile_grammar

HEADER = "#JSGF V1.0 UTF-8 en;\ngrammar test;\n"


def understood(rules: str, text: str) -> tuple[str, str, str | None] | None:
    choice: Choice | None = compile_grammar(HEADER + rules).match_text(text)
    return choice and (choice.concept, choice.interpretation, choice.tag)


def accepted(rules: str, *texts: str) -> list[bool]:
    return [understood(rules, text) is not None for text in texts]


def test_untagged_answer_stands_for_itself() -> None:
    assert understood("public <a> = Yes | no;", "yes!") == ("Yes", "Yes", None)


def test_tag_is_the_meaning_and_the_words_are_the_interpretation() -> None:
    assert understood("public <a> = (yes | sure) {y} | no {n};", "sure") == ("y", "sure", "y")


def test_several_tags_are_told_in_order() -> None:
    rules = "public <a> = <do> {done} <what>; <do> = open {o} | shut {s}; <what> = [the] door {d};"
    assert understood(rules, "shut the door") == ("s done d", "shut the door", "s done d")


def test_tag_may_hold_escaped_braces_and_a_script() -> None:
    assert understood(r"public <a> = yes {\{y\}};", "yes") == ("{y}", "yes", "{y}")
    assert understood('public <a> = yes {out.answer = "y";};', "yes") == ("y", "yes", "y")
    assert understood("public <a> = out {outside};", "out") == ("outside", "out", "outside")


@pytest.mark.parametrize(
    ("rules", "yes", "no"),
    [
        ("public <a> = one | two three;", ["one", "two three"], ["two", "one two three", ""]),
        ("public <a> = [please] go;", ["go", "please go"], ["please"]),
        ("public <a> = very+ good;", ["very good", "very very good"], ["good"]),
        ("public <a> = so very* good;", ["so good", "so very very good"], ["so so good"]),
        ('public <a> = "New York"+ | "+";', ["New York", "new york new york", "+"], ["new york york", "york"]),
        ("public <a> = (a b)* c;", ["c", "a b a b c"], ["a c"]),
        ("public <a> = /3/ often | /0.5e-1/ seldom;", ["often", "seldom"], ["3 often"]),
        ("public <a> = <b> now; <b> = <c>; <c> = here;", ["here now"], ["now", "here"]),
        ("public <a> = yes; public <b> = no;", ["yes", "no"], ["yes no"]),
        ("<only> = yes;", ["yes"], ["no"]),
        ("public <a> = [<NULL>] yes | <VOID> no;", ["yes"], ["no"]),
        ("public <a> = <test.b>; <b> = yes;", ["yes"], []),
        ("public <a> = yes // no\n | /* <b> \n */ sure;", ["yes", "sure"], ["no"]),
        ("public <list> = item | item and <list>;", ["item", "item and item and item"], ["item and", "and item"]),
        ("public <a> = x | left <a> right;", ["x", "left left x right right"], ["left x"]),
        ("public <a> = grammar import public;", ["grammar import public"], ["grammar"]),
        ("public <a> = digit 1 2 3;", ["digit 1 2 3", "digit 123", "digit 1-23"], ["digit 12"]),
    ],
)
def test_notation_has_its_meaning(rules: str, yes: list[str], no: list[str]) -> None:
    assert accepted(rules, *yes) == [True] * len(yes)
    assert accepted(rules, *no) == [False] * len(no)


def test_first_of_two_ways_is_taken() -> None:
    assert understood("public <a> = [very] {one} good | very good {two};", "very good") == ("one", "very good", "one")


def test_rule_may_come_back_to_itself_as_often_as_people_say_it() -> None:
    rules = "public <list> = item | item and <list>;"
    assert accepted(rules, "item and " * 50 + "item", "item and " * 3_000 + "item") == [True, False]


def test_rules_deeper_than_anybody_writes_match_nothing() -> None:
    def chain(length: int) -> str:
        return "public <r0> = <r1>;" + "".join(f"<r{i}> = <r{i + 1}>;" for i in range(1, length)) + f"<r{length}> = x;"

    assert accepted(chain(100), "x") == [True]
    assert accepted(chain(3_000), "x") == [False]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("#JSGF V1.0;\ngrammar x;\npublic <a> = yes", "line 3, column 17", "too early"),
        ("#JSGF V1.0;\npublic <a> = (yes;", "line 2, column 18", "unexpected ';'"),
        ("#JSGF V1.0;\npublic <a> = yes | ;", "line 2, column 20", "unexpected ';'"),
        ("#JSGF V1.0;\npublic <a> = {yes};", "line 2, column 14", "unexpected '{'"),
        ("#JSGF V1.0;\npublic <a> = a\n  <b>;", "line 3, column 3", "no rule 'b'"),
        ("#JSGF V1.0;\nimport <com.x.*>;\n<a> = a;", "line 2, column 8", "would have to be fetched"),
        ("#JSGF V1.0;\n<a> = a;\n<b> = b;", "line 2, column 1", "no rule is public"),
        ("#JSGF V1.0;\n<a> = a;\npublic <a> = b;", "line 3, column 8", "already"),
        ("#JSGF V1.0;\npublic <a> = /1.2.3/ a;", "line 2, column 14", "no weight"),
        ("#JSGF V1.0;\npublic <a> = /1e999/ a;", "line 2, column 14", "no weight"),
        ('#JSGF V1.0;\npublic <a> = " ";', "line 2, column 14", "nothing between the quotes"),
        ("#JSGF V1.0;\npublic <a> = <a> b | c;", "line 2, column 14", "begins with itself"),
        ("#JSGF V1.0;\npublic <a> = [x] <b> y;\n<b> = z* <a>;", "line 2, column 18", "begins with itself"),
        ("#JSGF V1.0; grammar x;", "line 1, column 23", "too early"),
        ("#JSGF V1.0; public <a> = " + "[a " * 70 + "]" * 70 + ";", "choices", "nested too deep"),
        ("#JSGF V1.0; public <a> = " + "a|" * 60_000 + "a;", "choices", "too many parts"),
        ("#JSGF V1.0; public <a> = " + "a" * 140_000, "choices", "too long"),
    ],
)
def test_mistake_is_explained_with_its_place(text: str, where: str, what: str) -> None:
    with pytest.raises(GrammarError) as caught:
        compile_grammar(text)
    assert caught.value.where.endswith(where)
    assert what in caught.value.what
    assert caught.value.mend
