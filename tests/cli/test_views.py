"""What people see: a session as a conversation, a rehearsal as verdicts, and nothing that tricks a terminal."""

import pytest
from rich.console import Console, RenderableType

from twinline.cli.conversation import conversation
from twinline.cli.events import line
from twinline.cli.output import plain
from twinline.cli.verdicts import exit_code, verdicts
from twinline.control.schema import SessionDetail, SessionView
from twinline.model.builds import Cluster
from twinline.model.rehearsal import (
    ApplicationResult,
    ApplicationVerdict,
    Cause,
    CauseGroup,
    Divergence,
    RehearsalResult,
    UnitClass,
    UnitResult,
)
from twinline.model.transcript import (
    ErrorRaised,
    Event,
    HttpExchange,
    HttpRequest,
    HttpResponse,
    Logged,
    MessageReceived,
    MessageSent,
    Outcome,
    ScriptError,
    SessionEnded,
    SessionStarted,
)

CALLER, ADDRESS, DRIVER = "+491701", "+4930100", "+491799"

STARTED = SessionStarted(
    at=0.0, session="s1", application="courier", mode=Cluster.PRODUCTION, version="ab" * 32, build=1,
    components={"javascript": "22.20.0", "runtime": "0.1.0"}, address=ADDRESS, caller=CALLER, channel="TEXT",
    network="SMS", initial_text="hi", parameters={}, seed="00", started_at=1_700_000_000.0, sandbox="bubblewrap",
)  # fmt: skip
THROWN = ErrorRaised(at=2.0, error=ScriptError("TypeError", "util.isString is not a function", "main.js", 31))


def sent(text: str, to: str = CALLER) -> MessageSent:
    return MessageSent(at=1.0, verb=1, sender=ADDRESS, recipient=to, text=text, network="SMS", message="m1")


def seen(view: RenderableType, width: int = 80) -> str:
    console = Console(width=width, force_terminal=False)
    with console.capture() as captured:
        console.print(view)
    return captured.get()


def detail(*events: Event) -> SessionDetail:
    view = SessionView(
        id="s1", application="courier", mode=Cluster.PRODUCTION, version="ab" * 32, build=1, address=ADDRESS,
        caller=CALLER, started_at=1_700_000_000.0, outcome=Outcome.COMPLETED, turns=1,
    )  # fmt: skip
    return SessionDetail(view, (STARTED, *events))


def row(shown: str, words: str) -> str:
    return next(each for each in shown.splitlines() if words in each)


def test_the_caller_is_left_and_the_application_right() -> None:
    shown = seen(conversation(detail(MessageReceived(0.1, "my parcel", "m0"), sent("Which number?"))))
    assert row(shown, "my parcel").index("my parcel") < 20
    assert row(shown, "Which number?").rstrip().endswith("Which number?")
    assert len(row(shown, "Which number?").rstrip()) > 70


def test_a_message_to_somebody_else_says_to_whom() -> None:
    assert f"to {DRIVER}: deliver on Friday" in seen(conversation(detail(sent("deliver on Friday", to=DRIVER))))


def test_the_head_names_build_version_components_and_sandbox() -> None:
    shown = seen(conversation(detail()), width=120)
    for part in ("build 1", "abababababab", "javascript 22.20.0", "runtime 0.1.0", "sandbox bubblewrap"):
        assert part in shown


def test_an_error_names_the_script_s_file_and_line() -> None:
    assert "TypeError: util.isString is not a function (main.js:31)" in seen(conversation(detail(THROWN)))


def test_a_look_up_shows_its_answer_or_why_there_is_none() -> None:
    request = HttpRequest("GET", "http://127.0.0.1:8190/parcels/1")
    assert "GET http://127.0.0.1:8190/parcels/1 → 200" in line(HttpExchange(0.1, request, HttpResponse(200))).plain
    assert line(HttpExchange(0.1, request, None, "cassette miss")).plain.endswith("→ cassette miss")


def test_how_it_ended_is_the_last_line() -> None:
    shown = seen(conversation(detail(SessionEnded(3.0, Outcome.KILLED, "memory limit of 128 MiB"))))
    assert "ended: killed (memory limit of 128 MiB)" in shown.splitlines()[-1]


def test_escape_sequences_of_strangers_are_shown_and_not_obeyed() -> None:
    shown = seen(conversation(detail(MessageReceived(0.1, "\x1b]0;owned\x07\x1b[2J", "m0"))))
    assert "\x1b" not in shown
    assert "␛[2J" in shown


def test_markup_of_strangers_is_shown_and_not_obeyed() -> None:
    assert "[bold]not bold[/bold] [/]" in seen(plain("[bold]not bold[/bold] [/]"))


def test_a_log_line_says_which_line_of_the_script_wrote_it() -> None:
    assert line(Logged(0.1, "looking up", line=12)).plain == "looking up (line 12)"


def result(*applications: ApplicationResult) -> RehearsalResult:
    return RehearsalResult("r1", 1, 2, 100.0, 102.5, 12, applications)


def application(verdict: ApplicationVerdict, *units: UnitResult) -> ApplicationResult:
    return ApplicationResult("courier", "ab" * 32, verdict, "a sentence", 4, None, units)


REGRESSED = UnitResult(
    "s1", 2, UnitClass.REGRESSED, "the candidate fails", Divergence(3, "error", sent("Done."), THROWN, "main.js", 31),
    ("caller: Friday",),
)  # fmt: skip


def test_a_regression_shows_the_turn_both_sides_and_the_line() -> None:
    shown = seen(verdicts(result(application(ApplicationVerdict.REGRESSED, REGRESSED))), width=120)
    for part in ("turn 3", "main.js line 31", "sent “Done.”", "util.isString is not a function", "caller: Friday"):
        assert part in shown


def test_only_the_first_differing_units_are_shown_and_the_rest_counted() -> None:
    shown = seen(verdicts(result(application(ApplicationVerdict.REGRESSED, *[REGRESSED] * 5))), width=120)
    assert shown.count("the candidate fails") == 3
    assert "and 2 more of courier" in shown


def test_a_cause_is_told_once_with_the_applications_that_share_it() -> None:
    cause = Cause("javascript 22.20.0 → 24.19.0", "TypeError: x is not a function", "error", "error")
    group = CauseGroup(cause, "x is not a function, with javascript 24", {"courier": ("s1", "s2"), "shop": ("s3",)})
    shown = seen(verdicts(RehearsalResult("r1", 1, 2, 100.0, 102.5, 12, (UNCHANGED,), groups=(group,))))
    assert "cause: x is not a function, with javascript 24" in shown
    assert "3 sessions of courier, shop" in shown


UNCHANGED, BROKEN, UNKNOWN = (application(verdict) for verdict in ApplicationVerdict)


@pytest.mark.parametrize(
    ("applications", "code"),
    [
        ((UNCHANGED,), 0),
        ((UNCHANGED, BROKEN, UNKNOWN), 1),
        ((UNCHANGED, UNKNOWN), 2),
        ((), 2),
    ],
)
def test_the_exit_code_says_the_worst_that_is_certain(applications: tuple[ApplicationResult, ...], code: int) -> None:
    assert exit_code(result(*applications)) == code
