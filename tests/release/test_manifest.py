"""A manifest is understood whole, or refused with the line and the nearest thing that would have been right."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinline.model.builds import Change, ChangeKind, ComponentName
from twinline.model.errors import Mistake
from twinline.release import parse
from twinline.release.manifest import MANIFEST_LIMIT, TEXT_LIMIT, Manifest
from twinline.release.places import line_of

EXAMPLE = """\
# A build.

[runtime]
wheel = "/srv/twinline-0.1.0-py3-none-any.whl"

[python]
version = "3.12"
packages = [
    "requests==2.32.3",
    "phonenumbers==8.13.0",
]

[javascript]
version = "24.19.0"

[[changes]]
component = "javascript"
kind = "changed"
text = "Node.js 24."

[[changes]]
component = "runtime"
kind = "fixed"
text = "A wait of nothing no longer waits."
"""


def mistake(text: str) -> str:
    with pytest.raises(Mistake) as caught:
        parse(text)
    return str(caught.value)


def changed(before: str, after: str) -> str:
    assert EXAMPLE.count(before) == 1
    return EXAMPLE.replace(before, after)


def test_everything_that_is_said_is_read() -> None:
    manifest = parse(EXAMPLE)
    assert manifest.runtime.wheel == "/srv/twinline-0.1.0-py3-none-any.whl"
    assert (manifest.python.version, manifest.runtime.python) == ("3.12", "3.12")
    assert manifest.python.packages == ("requests==2.32.3", "phonenumbers==8.13.0")
    assert manifest.javascript is not None
    assert manifest.javascript.version == "24.19.0"
    assert manifest.changes == (
        Change(ComponentName.JAVASCRIPT, ChangeKind.CHANGED, "Node.js 24."),
        Change(ComponentName.RUNTIME, ChangeKind.FIXED, "A wait of nothing no longer waits."),
    )
    assert manifest.text == EXAMPLE


@pytest.mark.parametrize("name", ["1", "2"])
def test_the_manifests_of_the_first_builds_are_understood(name: str) -> None:
    manifest = parse((Path(__file__).parents[2] / f"builds/{name}.toml").read_text())
    assert manifest.javascript is not None
    assert manifest.changes


def test_a_build_needs_no_more_than_a_python() -> None:
    manifest = parse('[python]\nversion = "3.11"')
    assert manifest.javascript is None
    assert manifest.changes == ()
    assert manifest.python.packages == ()


def test_scripts_may_run_on_an_older_python_than_the_runtime() -> None:
    manifest = parse('[python]\nversion = "3.9"\n[runtime]\npython = "3.11"')
    assert (manifest.python.version, manifest.runtime.python) == ("3.9", "3.11")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (changed("[javascript]", "[javascritp]"), 13, ["unknown component 'javascritp'", "did you mean 'javascript'?"]),
        (changed("[javascript]", "[ruby]"), 13, ["ruby is not yet part of a build"]),
        (changed("[runtime]", "[recognition]"), 3, ["recognition is not yet part of a build"]),
        (changed("packages = [", "package = ["), 8, ["unknown key of [python] 'package'", "did you mean 'packages'?"]),
        (changed('"javascript"\nkind', '"javascrip"\nkind'), 17, ["unknown component", "did you mean 'javascript'?"]),
        (changed('"javascript"\nkind', '"php"\nkind'), 17, ["php is not yet part of a build"]),
        (changed('"fixed"', '"fixt"'), 23, ["unknown kind 'fixt'", "did you mean 'fixed'?"]),
        (changed('text = "A wait', 'txt = "A wait'), 24, ["unknown key of [[changes]] 'txt'", "'text'"]),
        (changed('"phonenumbers==8.13.0"', '"phonenumbers>=8"'), 10, ["'phonenumbers>=8'", "such as requests==2.32.3"]),
        (changed('"phonenumbers==8.13.0"', '"-r /etc/passwd"'), 10, ["no exact version of a package"]),
        (changed('"phonenumbers==8.13.0"', '"Requests==2.0"'), 10, ["requests is listed twice"]),
        (changed('"phonenumbers==8.13.0"', '"x @ https://a.example/x.whl"'), 10, ["no exact version of a package"]),
        (changed('"phonenumbers==8.13.0"', "8"), 8, ["packages must be a list of strings"]),
        (changed('"3.12"', '"2.7"'), 7, ["'2.7' is no version of Python"]),
        (changed('"3.12"', "3.12"), 7, ["version must be a string"]),
        (changed('"24.19.0"', '"24"'), 14, ["'24' is no exact version of Node.js", "such as 22.20.0"]),
        (changed('version = "24.19.0"', ""), 13, ["version is missing"]),
        (changed('"/srv/tw', '"srv/tw'), 4, ["no absolute path of a wheel"]),
        (changed('"Node.js 24."', '"a\\nb"'), 19, ["text must be one line"]),
        (changed('"Node.js 24."', '"\\u0000"'), 19, ["text must be one line"]),
        (changed('"Node.js 24."', '"  "'), 19, ["text must be one line"]),
        (changed('"Node.js 24."', '"' + "x" * (TEXT_LIMIT + 1) + '"'), 19, ["text must be one line"]),
        ('[python]\nversion = "3.8"', 2, ["the runtime itself needs Python 3.11 or newer", 'python = "3.11"']),
        ('[python]\nversion = "3.8"\n[runtime]\npython = "3.10"', 4, ["not 3.10"]),
        ('python = "3.11"', 1, ["python must be a table", "[python]"]),
        ('changes = 1\n[python]\nversion = "3.11"', 1, ["changes must be a list of tables", "[[changes]]"]),
        ('[python]\nversion = "3.11"\n[python]', 3, ["no TOML", "Cannot declare"]),
        ('[python]\nversion = "3.11', 2, ["no TOML"]),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int, words: list[str]) -> None:
    said = mistake(text)
    assert said.startswith(f"build.toml, line {line}: ")
    for word in words:
        assert word in said


def test_a_manifest_without_python_is_told_what_to_write() -> None:
    assert '[python] version = "3.11"' in mistake("")


def test_a_manifest_has_a_size_limit() -> None:
    assert f"at most {MANIFEST_LIMIT}" in mistake("#" * (MANIFEST_LIMIT + 1))


def test_nesting_has_a_limit() -> None:
    assert "nested too deeply" in mistake("a = " + "[" * 30_000)


def test_half_a_character_is_no_text() -> None:
    assert "UTF-8" in mistake("# \ud800")


def test_a_key_inside_a_long_string_is_not_mistaken_for_one() -> None:
    text = '[python]\nversion = "3.11"\n\n[[changes]]\ntext = """\nkind = "x"\n"""\ncomponent = "runtime"\nkind = "y"\n'
    assert line_of(text, ("changes", 0, "kind")) == 9


def test_dotted_and_quoted_keys_have_their_lines() -> None:
    text = 'python.version = "3.11"\n"javascript".version = "x"\n[ runtime ]\nwheel = ""\n'
    assert line_of(text, ("python", "version")) == 1
    assert line_of(text, ("javascript", "version")) == 2
    assert line_of(text, ("runtime", "wheel")) == 4


def parsed_or_mistaken(text: str) -> Manifest | None:
    try:
        return parse(text)
    except Mistake as error:
        mistake = error
    assert mistake.where.startswith("build.toml")
    assert mistake.what
    return None


@given(st.text(max_size=300))
def test_any_text_is_a_manifest_or_a_mistake(text: str) -> None:
    parsed_or_mistaken(text)


@given(st.data())
def test_any_damage_to_a_manifest_is_read_or_named(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(EXAMPLE)))
    end = data.draw(st.integers(start, min(len(EXAMPLE), start + 20)))
    damage = data.draw(st.text(alphabet="[]=\"'.\n\\, #{}abc1é", max_size=6))
    parsed_or_mistaken(EXAMPLE[:start] + damage + EXAMPLE[end:])


leaves = st.one_of(st.booleans(), st.integers(), st.text(max_size=5).map(lambda text: text.replace('"', "")))
names = st.sampled_from(["runtime", "python", "javascript", "changes", "version", "packages", "kind", "text", "other"])


@given(st.dictionaries(names, st.recursive(leaves, lambda inner: st.lists(inner, max_size=3), max_leaves=5)))
def test_any_value_under_any_name_is_read_or_named(values: dict[str, object]) -> None:
    text = "\n".join(f"{name} = {as_toml(value)}" for name, value in values.items())
    tomllib.loads(text)
    assert parsed_or_mistaken(text) is None


def as_toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case list():
            return f"[{', '.join(map(as_toml, value))}]"
        case _:
            return '"' + "".join(f"\\U{ord(character):08x}" for character in str(value)) + '"'


@given(st.text(max_size=200), st.lists(st.one_of(st.sampled_from(["python", "changes", "kind"]), st.integers(0, 3))))
def test_a_place_is_always_a_line_of_the_text(text: str, path: list[str | int]) -> None:
    assert 1 <= line_of(text, tuple(path)) <= max(1, len(text.splitlines()))
