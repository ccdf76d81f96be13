"""One list of announcements, read by a feed reader, a browser and a person at a terminal."""

from xml.etree import ElementTree

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.release.samples import NOW

from twinline.model.builds import Change, ChangeKind, ComponentName, Significance
from twinline.model.release import ChangelogEntry
from twinline.release.changelog import feed, page, sections, text

SITE = "https://phone.example/"


def entry(number: int = 1, **changes: object) -> ChangelogEntry:
    ordinary: dict[str, object] = {
        "id": number,
        "kind": "published",
        "build": number,
        "title": f"Build {number} is published",
        "text": "It runs on development from today.",
        "changes": (
            Change(ComponentName.JAVASCRIPT, ChangeKind.REMOVED, "util.isString is gone."),
            Change(ComponentName.JAVASCRIPT, ChangeKind.CHANGED, "Node.js 24 <instead> of 22 & more."),
            Change(ComponentName.RUNTIME, ChangeKind.CHANGED, "A wait of nothing no longer waits."),
        ),
        "significance": Significance.SIGNIFICANT,
        "at": NOW + number,
    }
    return ChangelogEntry(**{**ordinary, **changes})  # type: ignore[arg-type]


def parsed(*entries: ChangelogEntry) -> feedparser.FeedParserDict:
    document = feedparser.parse(feed(entries, site=SITE))
    assert not document.bozo
    assert document.version == "atom10"
    return document


class TestFeed:
    def test_names_itself_and_when_it_last_changed(self) -> None:
        document = parsed(entry(1), entry(2))
        assert document.feed.title == "Twinline platform builds"
        assert document.feed.updated == "2026-11-18T11:06:42Z"
        assert document.feed.author == "Twinline"
        links = {link.rel: link.href for link in document.feed.links}
        assert links == {
            "self": "https://phone.example/changelog.atom",
            "alternate": "https://phone.example/changelog",
        }

    def test_gives_the_newest_entry_first(self) -> None:
        assert [found.title for found in parsed(entry(1), entry(3), entry(2)).entries] == [
            "Build 3 is published",
            "Build 2 is published",
            "Build 1 is published",
        ]

    def test_an_entry_keeps_its_identifier_wherever_the_platform_is(self) -> None:
        here = feedparser.parse(feed([entry()], site="https://a.example"))
        there = feedparser.parse(feed([entry()], site="https://b.example"))
        assert here.entries[0].id == there.entries[0].id == "tag:twinline.local,2026-11-18:changelog/1"
        assert here.feed.id == there.feed.id

    def test_identifiers_are_unique(self) -> None:
        found = [found.id for found in parsed(*map(entry, range(20))).entries]
        assert len(set(found)) == 20

    def test_an_entry_says_what_changed_as_html(self) -> None:
        found = parsed(entry()).entries[0]
        assert found.updated == "2026-11-18T11:06:41Z"
        assert found.link == "https://phone.example/changelog#entry-1"
        assert [tag.term for tag in found.tags] == ["published", "significant"]
        content = found.content[0]
        assert content.type == "text/html"
        assert "util.isString is gone." in content.value
        assert "Node.js 24 &lt;instead&gt; of 22 &amp; more." in content.value

    def test_without_entries_it_is_still_a_feed(self) -> None:
        assert parsed().entries == []

    @given(st.text(max_size=60), st.text(max_size=60))
    def test_whatever_people_type_it_stays_well_formed(self, title: str, reason: str) -> None:
        change = Change(ComponentName.RUNTIME, ChangeKind.FIXED, reason)
        document = feed([entry(title=title, text=reason, changes=(change,))], site=SITE)
        ElementTree.fromstring(document)


class TestPage:
    def test_shows_every_entry_with_its_changes_by_kind(self) -> None:
        shown = page([entry(1), entry(2, significance=Significance.PATCH)])
        assert shown.index("Build 2 is published") < shown.index("Build 1 is published")
        assert 'id="entry-1"' in shown
        assert "18 November 2026, 11:06 UTC" in shown
        assert '<span class="mark patch">patch</span>' in shown
        assert shown.index("<h3>Changed</h3>") < shown.index("<h3>Removed</h3>")

    def test_needs_nothing_from_elsewhere(self) -> None:
        shown = page([entry()])
        for outside in ("http://", "https://", "src=", "@import", "url("):
            assert outside not in shown

    def test_writes_no_markup_that_people_typed(self) -> None:
        shown = page([entry(title="<script>alert(1)</script>", text="<img onerror=x>")])
        assert "<script>" not in shown
        assert "<img" not in shown

    def test_says_when_there_is_nothing(self) -> None:
        assert "Nothing has been announced yet." in page([])


class TestText:
    def test_reads_as_a_changelog(self) -> None:
        assert text([entry()]) == (
            "Build 1 is published  (significant, 18 November 2026, 11:06 UTC)\n"
            "  It runs on development from today.\n"
            "  Changed\n"
            "    - javascript: Node.js 24 <instead> of 22 & more.\n"
            "    - runtime: A wait of nothing no longer waits.\n"
            "  Removed\n"
            "    - javascript: util.isString is gone.\n"
        )

    def test_hands_no_control_sequence_to_the_terminal(self) -> None:
        assert "\x1b" not in text([entry(title="\x1b[2J", text="\x1b]0;x\x07")])

    def test_is_empty_without_entries(self) -> None:
        assert text([]) == ""


@pytest.mark.parametrize("kinds", [list(ChangeKind), list(reversed(ChangeKind))])
def test_changes_come_in_the_order_of_keep_a_changelog(kinds: list[ChangeKind]) -> None:
    changes = tuple(Change(ComponentName.RUNTIME, kind, "x") for kind in kinds)
    assert [section.kind for section in sections(entry(changes=changes))] == list(ChangeKind)
