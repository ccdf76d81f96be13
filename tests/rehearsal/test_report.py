"""The pages made of a result: nothing unescaped, nothing fetched, the worst first."""

import re
from html.parser import HTMLParser

import pytest
from tests.rehearsal.sessions import GOOD, THROWS, ask, error, lane, say, session

from twinline.model.rehearsal import Lane, RehearsalResult, UnitResult
from twinline.model.transcript import Outcome, Transcript
from twinline.rehearsal import Rehearsed, combine, compare_unit, grouped, judge_all
from twinline.rehearsal.report import html_page, markdown_text

HOSTILE = '<script>alert(1)</script> & "x" \' `` | </style> {{ 7 * 7 }}'


def unit(name: str, before: Transcript, after: Transcript) -> UnitResult:
    lanes = [lane(which, events) for which, events in zip(Lane, (before, before, after), strict=True)]
    first = compare_unit(name, *lanes)
    return combine(first, compare_unit(name, *lanes, attempt=2))


def rehearsed(*applications: tuple[str, list[UnitResult]]) -> RehearsalResult:
    judged = judge_all([Rehearsed(name, "0123456789abcdef", tuple(units)) for name, units in applications])
    return RehearsalResult("r1", 1, 2, 1_767_261_600.0, 1_767_261_603.4, 30, judged, groups=grouped(judged))


SAID = session(ask(1, HOSTILE, HOSTILE), say(2, "Thanks"))
THROWN = session(ask(1, HOSTILE, HOSTILE), error(HOSTILE, line=38), outcome=Outcome.FAILED, build=2)
RESULT = rehearsed(
    ("pharmacy", [unit(f"p{n}", GOOD, GOOD) for n in range(12)]),
    ("courier", [unit("c1", SAID, THROWN), unit("c2", SAID, THROWN), unit("c3", GOOD, GOOD)]),
)


class Page(HTMLParser):
    """The tags, the resources and the words of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += data

    def text(self) -> str:
        return " ".join(self.words.split())


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(html_page(RESULT))


def test_page_is_well_formed_and_needs_nothing_from_outside(page: Page) -> None:
    assert page.open == []
    assert set(page.fetched) == {"#courier"}
    assert "url(" not in html_page(RESULT)


def test_page_shows_what_people_said_and_runs_none_of_it(page: Page) -> None:
    assert "script" not in page.tags
    assert " ".join(HOSTILE.split()) in page.text()
    assert html_page(RESULT).count("</style>") == 1


def test_page_tells_application_turn_line_and_both_sides(page: Page) -> None:
    text = page.text()
    assert "1 of 2 applications would behave differently on build 2." in text
    assert "2 of 3 sessions regressed; turn 2" in text
    assert "turn 2 · main.js:38 · error" in text
    assert re.search(
        r"Baseline, build 1 completed .*Control, build 1 completed .*Candidate, build 2 failed threw Type", text
    )
    assert "fewer than 22.1 % of sessions differ (95 %, 12 compared)" in text


def test_regressed_application_comes_first(page: Page) -> None:
    assert page.text().index("courier") < page.text().index("pharmacy")


def test_sessions_of_one_cause_are_one_finding(page: Page) -> None:
    assert page.tags.count("article") == 1
    assert "2 sessions" in page.text()
    assert "c1" in page.words
    assert "c2" in page.words


def test_cause_is_told_once_with_its_applications() -> None:
    broken = {name: [unit(f"{name}{n}", GOOD, THROWS) for n in range(3)] for name in ("courier", "shop")}
    result = rehearsed(*broken.items(), ("calm", [unit("q", GOOD, GOOD)]))
    shown = Page(html_page(result))
    told = "TypeError: util.isString is not a function 6 sessions of 2 applications: courier, shop"
    assert f"The cause {told}" in shown.text()
    assert shown.fetched == ["#courier", "#shop"]
    cause = "- ` TypeError: util.isString is not a function `: 6 sessions of 2 applications (` courier `, ` shop `)"
    assert markdown_text(result).splitlines().count(cause) == 1


def test_share_that_could_not_be_judged_is_told() -> None:
    lost = compare_unit("lost", None, None, None)
    result = rehearsed(("a", [unit("u", GOOD, GOOD), lost]), ("b", [unit("v", GOOD, GOOD)]))
    assert "sessions not judged33.3 %" in Page(html_page(result)).text()
    assert "; 50.0 % not judged" in Page(html_page(result)).text()
    assert "33.3 % of all sessions could not be judged." in markdown_text(result)
    assert "judged" not in markdown_text(RESULT)


def test_page_of_nothing_says_so() -> None:
    assert "There was no application to rehearse." in Page(html_page(rehearsed())).text()


def test_page_of_agreement_says_so() -> None:
    agreed = rehearsed(("pharmacy", [unit("p", GOOD, GOOD)]))
    assert "The application behaves on build 2 as on build 1." in Page(html_page(agreed)).text()


def test_long_conversation_is_shown_by_its_end() -> None:
    talk = [event for n in range(30) for event in ask(n + 1, f"question-{n}", "yes")]
    shown = Page(
        html_page(rehearsed(("a", [unit("u", session(talk, say(40, "x")), session(talk, say(40, "y")))])))
    ).text()
    assert "49 messages before" in shown
    assert "question-29" in shown
    assert "question-20 " not in shown


def test_markdown_keeps_what_people_said_in_code_spans() -> None:
    text = markdown_text(RESULT)
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == ["courier", "pharmacy"]
    for line in text.splitlines():
        if "<script>" in line:
            assert re.search(r"``` .*<script>.* ```", line)
    assert all(re.sub(r"\\\|", "", row).count("|") == 5 for row in rows)
