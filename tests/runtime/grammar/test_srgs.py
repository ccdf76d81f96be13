"""What SRGS XML means, what it computes, and how a mistake in it is explained."""

import pytest

from twinline.model.transcript import Choice
from twinline.runtime.grammar import GrammarError, compile_grammar

PROLOGUE = """<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE grammar PUBLIC "-//W3C//DTD GRAMMAR 1.0//EN" "http://www.w3.org/TR/speech-grammar/grammar.dtd">
"""


def grammar(rules: str, attributes: str = "root='a'") -> str:
    return f"<grammar xmlns='http://www.w3.org/2001/06/grammar' version='1.0' {attributes}>{rules}</grammar>"


def understood(rules: str, text: str, attributes: str = "root='a'") -> tuple[str, str, str | None] | None:
    choice: Choice | None = compile_grammar(grammar(rules, attributes)).match_text(text)
    return choice and (choice.concept, choice.interpretation, choice.tag)


def value(
    tags: str, text: str, others: str = "", attributes: str = "root='a' tag-format='semantics/1.0'"
) -> str | None:
    found = understood(f"<rule id='a'>{tags}</rule>{others}", text, attributes)
    return found and found[2]


@pytest.mark.parametrize(
    ("rules", "yes", "no"),
    [
        ("<rule id='a'>hello\n  there</rule>", ["Hello there!"], ["hello"]),
        ("<rule id='a'><one-of><item>a</item><item>b c</item></one-of></rule>", ["a", "b c"], ["b", "a b c"]),
        ("<rule id='a'><item repeat='0-1'>please</item> go</rule>", ["go", "please go"], ["please please go"]),
        ("<rule id='a'><item repeat='2'>x</item></rule>", ["x x"], ["x", "x x x"]),
        ("<rule id='a'><item repeat='2-'>x</item></rule>", ["x x", "x x x"], ["x"]),
        ("<rule id='a'><item repeat='0'>x</item> y</rule>", ["y"], ["x y"]),
        ("<rule id='a'><token>New York</token> <item>\"San Jose\"</item></rule>", ["new york san jose"], ["new york"]),
        ("<rule id='a'>in <ruleref uri='#b'/></rule><rule id='b'>Rome</rule>", ["in rome"], ["in"]),
        ("<rule id='a'>a <ruleref special='GARBAGE'/> b</rule>", ["a b", "a x y b"], ["a x"]),
        ("<rule id='a'>a <ruleref special='NULL'/></rule>", ["a"], []),
        ("<rule id='a'><one-of><item>a<ruleref special='VOID'/></item><item>b</item></one-of></rule>", ["b"], ["a"]),
        ("<meta name='x'/><rule id='a'><example>no</example>yes</rule>", ["yes"], ["no", "no yes"]),
        ("<rule id='a'>x<item repeat='0-1'><ruleref uri='#a'/></item></rule>", ["x", "x x x"], ["y"]),
        ("<rule id='a'>caf\u00e9 &amp; <![CDATA[bar]]></rule>", ["Caf\u00e9 & bar"], ["caf\u00e9 bar"]),
    ],
)
def test_notation_has_its_meaning(rules: str, yes: list[str], no: list[str]) -> None:
    assert [understood(rules, text) is not None for text in yes] == [True] * len(yes)
    assert [understood(rules, text) is not None for text in no] == [False] * len(no)


def test_prologue_of_real_documents_is_read_and_fetches_nothing() -> None:
    assert compile_grammar(PROLOGUE + grammar("<rule id='a'>s\u00ed</rule>")).match_text("S\u00cd") is not None


def test_rule_to_begin_with_is_the_root_or_the_first_public_or_the_first() -> None:
    rules = "<rule id='a'>one</rule><rule id='b' scope='public'>two</rule>"
    assert understood(rules, "one", "root='a'")
    assert understood(rules, "two", "")
    assert understood(rules.replace("scope='public'", ""), "one", "")


def test_untagged_answer_stands_for_itself() -> None:
    assert understood("<rule id='a'><item>Yes</item></rule>", "yes") == ("Yes", "Yes", None)


@pytest.mark.parametrize(
    ("tags", "text", "result"),
    [
        ("yes<tag>out = 'y'</tag>", "yes", "y"),
        ("<tag>out='y';</tag>yes", "yes", "y"),
        ("yes<tag>out.answer = \"y\";</tag>", "yes", "y"),
        ("yes<tag>out.a = 'y'; out.b = 1 + 1.5; out.c = true</tag>", "yes", '{"a":"y","b":2.5,"c":true}'),
        ("yes<tag>out = {a: 'y', 'b c': null, d: {e: 3}}</tag>", "yes", '{"a":"y","b c":null,"d":{"e":3}}'),
        ("<item repeat='1-'>x<tag>out += 'y'</tag></item>", "x x x", "yyy"),
        ("<tag>out = 0</tag><item repeat='1-'>x<tag>out += 2</tag></item>", "x x x", "6"),
        ("<ruleref uri='#b'/><tag>out = rules.b</tag>", "two", "2"),
        ("<ruleref uri='#b'/><ruleref uri='#c'/><tag>out.x = rules.b; out.y = rules.c.z</tag>",
         "two c", '{"x":"2","y":"deep"}'),
        ("<ruleref uri='#b'/><ruleref uri='#b'/><tag>out = rules.latest()</tag>", "two one", "1"),
        ("go <ruleref uri='#b'/>", "go two", "2"),
        ("<ruleref uri='#d'/><tag>out = 'is ' + rules.d</tag>", "plain words", "is plain words"),
        ("go on<tag>out = meta.current().text + '!'</tag>", "GO on", "go on!"),
        ("<ruleref uri='#b'/><tag>$.n = $b; $.m = $$</tag>", "two", '{"n":"2","m":"2"}'),
        ("yes<tag>var x = 'a\\'b'; out = x + nothing.there</tag>", "yes", "a'b"),
        ("yes<tag>out.a.b = 1; out.a['c'] = (2)</tag>", "yes", '{"b":1,"c":2}'),
        ("yes<tag>// nothing is said</tag>", "yes", "{}"),
    ],
)  # fmt: skip
def test_scripts_compute_the_value(tags: str, text: str, result: str) -> None:
    others = (
        "<rule id='b'><one-of><item>one<tag>out='1'</tag></item><item>two<tag>out='2'</tag></item></one-of></rule>"
        "<rule id='c'>c<tag>out.z = 'deep'</tag></rule><rule id='d'>plain words</rule>"
    )
    assert value(tags, text, others) == result


def test_value_is_the_concept_and_the_words_are_the_interpretation() -> None:
    assert understood("<rule id='a'>yes please<tag>out='y'</tag></rule>", "Yes, please!") == ("y", "yes please", "y")


def test_literal_tags_are_their_own_value() -> None:
    literal = "root='a' tag-format='semantics/1.0-literals'"
    assert value("yes<tag> out = 'y' </tag>", "yes", attributes=literal) == "out = 'y'"


def test_tags_without_a_format_are_scripts_where_they_can_be() -> None:
    assert value("yes<tag>out = 'y'</tag>", "yes", attributes="root='a'") == "y"
    assert value('yes<tag><![CDATA[ <F_1 "y"> ]]></tag>', "yes", attributes="root='a'") == '<F_1 "y">'


def test_value_that_grows_without_bound_is_no_answer() -> None:
    doubling = "<tag>out = 'xxxxxxxxxx'</tag><item repeat='1-'>x<tag>out = out + out</tag></item>"
    assert value(doubling, "x " * 5) == "xxxxxxxxxx" * 32
    assert value(doubling, "x " * 40) is None
    nested = "<item repeat='1-'>x<tag>out.a = out; out.b = out</tag></item>"
    assert value(nested, "x " * 40) is None


def test_mode_says_how_an_answer_may_be_given() -> None:
    rule = "<rule id='a'>1 star</rule>"
    voice, keys, both = (compile_grammar(grammar(rule, mode)) for mode in ("mode='voice'", "mode='dtmf'", ""))
    assert (voice.for_keys, voice.for_speech) == (False, True)
    assert (keys.for_keys, keys.for_speech) == (True, False)
    assert (both.for_keys, both.for_speech) == (False, True)
    assert keys.match_keys("1*") is not None
    assert keys.match_text("1 *") is not None


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("<grammar>\n<rule id='a'>x</rule>", "line 2, column 22", "no XML"),
        ("\n\n  <grammar><rule id='a'>x</wrong></grammar>", "line 3, column 28", "no XML"),
        ("<vxml/>", "line 1, column 1", "<vxml> is no grammar"),
        ("<grammar mode='sms'/>", "line 1, column 1", "no mode 'sms'"),
        ("<grammar/>", "line 1, column 1", "no rule"),
        (grammar("<rule>x</rule>"), "column 75", "no id"),
        (grammar("\n<rule id='a'>x</rule>\n <rule id='a'>y</rule>"), "line 3, column 2", "already"),
        (grammar("<rule id='b'>x</rule>"), "line 1, column 1", "no rule 'a'"),
        (grammar("<rule id='a'>x\n<ruleref uri='#b'/></rule>"), "line 2, column 1", "no rule 'b'"),
        (grammar("<rule id='a'>\n<ruleref uri='http://x/y#b'/></rule>"), "line 2, column 1", "to be fetched"),
        (grammar("<rule id='a'>\n<ruleref/></rule>"), "line 2, column 1", "not named"),
        (grammar("<rule id='a'>\n<ruleref special='ALL'/></rule>"), "line 2, column 1", "special rule 'ALL'"),
        (grammar("<rule id='a'>\n<ruleref uri='#a'/>x</rule>"), "line 2, column 1", "begins with itself"),
        (grammar("<rule id='a'>\n <b>x</b></rule>"), "line 2, column 2", "<b> does not belong"),
        (grammar("\n<item>x</item>"), "line 2, column 1", "<item> does not belong"),
        (grammar("<rule id='a'>\n<one-of>x</one-of></rule>"), "line 2, column 9", "between items"),
        (grammar("<rule id='a'>\n<one-of></one-of></rule>"), "line 2, column 1", "nothing to choose"),
        (grammar("<rule id='a'>\n<item repeat='many'>x</item></rule>"), "line 2, column 1", "no number of times"),
        (grammar("<rule id='a'>\n<item repeat='3-2'>x</item></rule>"), "line 2, column 1", "backwards"),
        (grammar("<rule id='a'>\n<item repeat='1-999'>x</item></rule>"), "line 2, column 1", "too many"),
        (grammar("<rule id='a'><one-of>\n<item weight='-1'>x</item></one-of></rule>"), "line 2, column 1", "no weight"),
        (grammar("<rule id='a'>x\n<tag>out = ;</tag></rule>", "tag-format='semantics/1.0'"),
         "line 2, column 12", "no assignment"),
        (grammar("<rule id='a'>x<tag>out = 1;\n if (x) y</tag></rule>", "tag-format='semantics/1.0'"),
         "line 2, column 5", "no assignment"),
        ("<grammar><rule id='a'>\n&town;</rule></grammar>", "line 2, column 1", "no XML"),
        (PROLOGUE + "<grammar><rule id='a'>&town;</rule></grammar>", "line 3, column 23", "entity 'town'"),
        ("<!DOCTYPE g [<!ENTITY a 'b'>]><grammar/>", "line 1, column 13", "document type of its own"),
        ("<grammar>" + "<item>" * 100, "column 388", "nested too deep"),
        ("<grammar>\ud800</grammar>", "line 1, column 10", "U+D800"),
        ("<grammar>\x00</grammar>", "line 1, column 10", "no XML"),
        ("<grammar>" + " " * 530_000, "choices", "too long"),
    ],
)  # fmt: skip
def test_mistake_is_explained_with_its_place(text: str, where: str, what: str) -> None:
    with pytest.raises(GrammarError) as caught:
        compile_grammar(text)
    assert caught.value.where.endswith(where)
    assert what in caught.value.what
    assert caught.value.mend
