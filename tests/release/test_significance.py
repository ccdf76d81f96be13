"""What a changed version means is one table: every component, every part of a version, asserted pair by pair."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinline.model.builds import ComponentName, Significance
from twinline.model.errors import Refused
from twinline.release import Contents, compute, raised
from twinline.release.significance import RANK, TABLE, Part, differing_part

PATCH, FEATURE, SIGNIFICANT = Significance.PATCH, Significance.FEATURE, Significance.SIGNIFICANT
INTERPRETERS = [ComponentName.PYTHON, ComponentName.JAVASCRIPT, ComponentName.RUBY, ComponentName.PHP]
ENGINES = [ComponentName.SYNTHESIS, ComponentName.RECOGNITION]

PAIRS: dict[tuple[str | None, str | None], tuple[Significance, Significance, Significance, Significance]] = {
    # before, after:           interpreter, engine,      runtime,     package
    ("22.20.0", "22.20.0"): (PATCH, PATCH, PATCH, PATCH),
    ("22.20.0", "24.19.0"): (SIGNIFICANT, SIGNIFICANT, SIGNIFICANT, FEATURE),
    ("24.19.0", "22.20.0"): (SIGNIFICANT, SIGNIFICANT, SIGNIFICANT, FEATURE),
    ("3.11.7", "3.12.1"): (SIGNIFICANT, SIGNIFICANT, FEATURE, FEATURE),
    ("3.11.2", "3.11.7"): (PATCH, SIGNIFICANT, PATCH, PATCH),
    ("0.1.0+aaaa", "0.1.0+bbbb"): (PATCH, FEATURE, PATCH, PATCH),
    ("1.0.0rc1", "1.0.0"): (PATCH, FEATURE, PATCH, PATCH),
    (None, "1.0.0"): (FEATURE, FEATURE, FEATURE, FEATURE),
    ("1.0.0", None): (SIGNIFICANT, SIGNIFICANT, SIGNIFICANT, FEATURE),
}


def contents(name: ComponentName, version: str | None) -> Contents:
    return Contents({} if version is None else {name: version})


def packages(version: str | None) -> Contents:
    return Contents({}, {} if version is None else {"requests": version})


@pytest.mark.parametrize(("pair", "meanings"), PAIRS.items())
def test_each_pair_of_versions_means_what_the_table_says(
    pair: tuple[str | None, str | None], meanings: tuple[Significance, ...]
) -> None:
    before, after = pair
    interpreter, engine, runtime, package = meanings
    for name in INTERPRETERS:
        assert compute(contents(name, before), contents(name, after)) is interpreter
    for name in ENGINES:
        assert compute(contents(name, before), contents(name, after)) is engine
    name = ComponentName.RUNTIME
    assert compute(contents(name, before), contents(name, after)) is runtime
    assert compute(packages(before), packages(after)) is package


def test_the_table_covers_every_component_and_every_part() -> None:
    assert TABLE.keys() == set(ComponentName)
    assert all(len(meanings) == len(Part) for meanings in TABLE.values())


def test_the_first_build_is_significant() -> None:
    assert compute(None, Contents({})) is SIGNIFICANT


def test_the_greatest_change_decides() -> None:
    before = Contents({ComponentName.RUNTIME: "0.1.0", ComponentName.JAVASCRIPT: "22.20.0"}, {"requests": "2.0.0"})
    after = Contents({ComponentName.RUNTIME: "0.1.1", ComponentName.JAVASCRIPT: "24.19.0"}, {"requests": "2.1.0"})
    assert compute(before, after) is SIGNIFICANT


def test_a_short_version_is_read_as_one_with_zeros() -> None:
    assert differing_part("3.11", "3.12.0") is Part.MINOR
    assert differing_part("3.11", "3.11.2") is Part.MICRO


def test_people_may_only_raise() -> None:
    for current in Significance:
        for wanted in Significance:
            if RANK[wanted] >= RANK[current]:
                assert raised(current, wanted) is wanted
            else:
                with pytest.raises(Refused, match="only ever raised"):
                    raised(current, wanted)


versions = st.one_of(
    st.none(), st.text(max_size=12), st.from_regex(r"\d{1,3}(\.\d{1,3}){0,4}([+-][a-z0-9]{1,8})?", fullmatch=True)
)


@given(versions, versions)
def test_any_two_versions_can_be_compared_and_in_either_order(before: str | None, after: str | None) -> None:
    forward, back = differing_part(before, after), differing_part(after, before)
    assert (forward is None) == (before == after)
    swapped = {Part.ADDED: Part.REMOVED, Part.REMOVED: Part.ADDED}
    assert back is (swapped.get(forward, forward) if forward is not None else None)
