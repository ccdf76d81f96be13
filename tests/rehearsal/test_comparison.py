"""What counts as a difference between two lanes, and where the first one is said to be."""

import msgspec
import pytest
from tests.rehearsal.sessions import (
    CALLER,
    GOOD,
    THROWS,
    ask,
    error,
    http,
    log,
    received,
    result,
    say,
    sent,
    session,
    started,
    verb,
)

from twinline.model.rehearsal import Divergence
from twinline.model.transcript import ErrorRaised, Event, Logged, MessageSent, Outcome, Transcript
from twinline.rehearsal import Comparison, Difference, compare

NONE, MINOR, MENDED, MAJOR = Difference


def compared(left: Transcript, right: Transcript) -> Comparison:
    return compare(left, right, "build 1", "build 2")


def difference(left: Transcript, right: Transcript) -> Difference:
    return compared(left, right).difference


def divergence(left: Transcript, right: Transcript) -> Divergence:
    found = compared(left, right).divergence
    assert found is not None
    return found


def test_transcript_does_not_differ_from_itself() -> None:
    assert compared(GOOD, GOOD) == Comparison(NONE)


def test_times_identifiers_builds_and_lines_of_verbs_do_not_count() -> None:
    def moved(event: Event) -> Event:
        changes: dict[str, object] = {"at": event.at + 7.5}
        for name, value in {"message": "other", "line": 99, "verb": 7}.items():
            if not isinstance(event, ErrorRaised) and isinstance(getattr(event, name, None), type(value)):
                changes[name] = value
        return msgspec.structs.replace(event, **changes)

    other = (started(build=2, at=5.0), *map(moved, GOOD[1:]))
    assert difference(GOOD, other) is NONE


def test_lines_that_the_platform_logged_do_not_count() -> None:
    assert (
        difference(session(log("build 1", "platform")), session(log("build 2", "platform"), log("x", "platform")))
        is NONE
    )


def test_other_words_to_the_caller_are_a_major_difference() -> None:
    left, right = session(say(1, "You owe $5."), say(2, "Bye.")), session(say(1, "You owe $5.00."), say(2, "Bye."))
    found = divergence(left, right)
    assert difference(left, right) is MAJOR
    assert found.field == "arguments.text"
    assert found.sentence == "build 2 called say “You owe $5.00.”, where build 1 called say “You owe $5.”"


def test_other_recipient_is_found_by_name() -> None:
    found = divergence(session(sent("now", "+1555")), session(sent("now", "+1666")))
    assert (found.field, found.turn) == ("recipient", 1)
    assert isinstance(found.right, MessageSent)
    assert found.right.recipient == "+1666"


def test_thrown_error_is_found_with_turn_file_and_line() -> None:
    found = divergence(GOOD, THROWS)
    assert difference(GOOD, THROWS) is MAJOR
    assert (found.turn, found.field, found.file, found.line) == (2, "error", "main.js", 41)
    assert found.left == verb(2, "say", text="See you on monday.")
    assert found.right == error()
    assert found.sentence == (
        "build 2 threw TypeError: util.isString is not a function at main.js:41, "
        "where build 1 called say “See you on monday.”"
    )


def test_line_of_an_error_that_comes_after_the_parting_is_named() -> None:
    right = session(say(1, "Wait"), error(line=12), outcome=Outcome.FAILED)
    found = divergence(session(say(1, "Hello")), right)
    assert (found.field, found.line) == ("arguments.text", 12)


def test_error_that_is_gone_is_mended() -> None:
    assert difference(THROWS, GOOD) is MENDED


def test_error_at_the_same_place_with_other_words_is_minor() -> None:
    left = session(error("x is not a function"), outcome=Outcome.FAILED)
    right = session(error("x is no function at all"), outcome=Outcome.FAILED)
    assert difference(left, right) is MINOR
    assert divergence(left, right).field == "message"


def test_error_at_another_line_is_major() -> None:
    left, right = (session(error(line=line), outcome=Outcome.FAILED) for line in (41, 42))
    assert difference(left, right) is MAJOR
    assert divergence(left, right).field == "line"


def test_error_in_a_handler_counts_though_it_was_swallowed() -> None:
    right = session(Logged(at=1.0, text=" ---- Callback Error : util.isString is not a function", line=17))
    assert difference(session(), right) is MAJOR
    assert divergence(session(), right).line == 17
    assert difference(right, session()) is MENDED


@pytest.mark.parametrize("source", ["script", "output"])
def test_other_log_lines_are_minor(source: str) -> None:
    left, right = session(log("1.0", source)), session(log("1", source))
    assert difference(left, right) is MINOR
    assert divergence(left, right).field == "log"
    assert difference(left, session()) is MINOR


def test_output_may_come_before_or_after_the_log() -> None:
    assert difference(session(log("a"), log("b", "output")), session(log("b", "output"), log("a"))) is NONE


def test_output_is_compared_by_line_however_it_was_cut() -> None:
    left = session(log("one\ntw", "output"), log("o\nthree", "output"))
    assert difference(left, session(log("one\n", "output"), log("two\nthree", "output"))) is NONE
    assert difference(left, session(log("one\ntwo\nfour", "output"))) is MINOR
    assert difference(left, session(log("one\ntwo\n", "output"))) is MINOR


def test_process_number_in_a_warning_does_not_count() -> None:
    left, right = (session(log(f"(node:{pid}) DeprecationWarning: x\n", "output")) for pid in (17, 1234))
    assert difference(left, right) is NONE


def test_log_line_does_not_hide_a_later_difference() -> None:
    left, right = session(log("a"), say(1, "x")), session(log("b"), say(1, "y"))
    assert difference(left, right) is MAJOR


def test_requests_are_compared_by_what_was_asked() -> None:
    left = session(http(body='{"a": 1, "b": 2}', **{"User-Agent": "node/22", "X-Shop": "7"}))
    same = session(http(body='{"b":2,"a":1}', **{"user-agent": "node/24", "x-shop": "7", "accept-encoding": "zstd"}))
    other = session(http(body='{"a": 1, "b": 3}', **{"x-shop": "7"}))
    assert difference(left, same) is NONE
    assert difference(left, other) is MAJOR
    assert divergence(left, other).field == "body"


def test_header_of_the_application_counts() -> None:
    left, right = (session(http(**{"x-shop": shop})) for shop in "78")
    assert divergence(left, right).field == "headers"


def test_requests_made_together_may_change_places() -> None:
    left = session(http("http://a/"), http("http://b/"), say(1, "Done"))
    right = session(http("http://b/"), http("http://a/"), say(1, "Done"))
    assert difference(left, right) is MINOR
    assert divergence(left, right).field == "order"


def test_messages_to_one_person_may_not_change_places() -> None:
    left, right = session(say(1, "first"), say(2, "second")), session(say(1, "second"), say(2, "first"))
    assert difference(left, right) is MAJOR


def threads(*order: int, texts: tuple[str, str] = ("to the driver", "to the shop")) -> Transcript:
    """Two threads send a message each; `order` says whose event comes next."""
    lanes = [
        iter([verb(n, "message", text=text, to=to), sent(text, to, n), result(n, "message")])
        for n, (text, to) in enumerate(zip(texts, ("+1555", "+1666"), strict=True))
    ]
    return session([next(lanes[thread]) for thread in order])


def test_threads_may_interleave_otherwise() -> None:
    left, right = threads(0, 1, 0, 1, 0, 1), threads(1, 0, 1, 1, 0, 0)
    assert difference(left, right) is MINOR
    assert divergence(left, right).field == "order"


def test_thread_that_does_something_else_is_found_in_any_order() -> None:
    left, right = threads(0, 1, 0, 1, 0, 1), threads(1, 0, 1, 1, 0, 0, texts=("to the driver", "to nobody"))
    assert difference(left, right) is MAJOR
    assert "to nobody" in divergence(left, right).sentence


def test_lane_that_stops_early_parts_where_it_stops() -> None:
    right = GOOD[:-4]
    found = divergence(GOOD, right)
    assert found.right is None
    assert found.sentence.startswith("build 2 did nothing more, where build 1 called say")


def test_turn_counts_the_messages_the_caller_had_sent() -> None:
    left = session(ask(1, "a?", "yes"), ask(2, "b?", "yes"), say(3, "left"))
    right = session(ask(1, "a?", "yes"), ask(2, "b?", "yes"), say(3, "right"))
    assert divergence(left, right).turn == 3


def test_difference_before_anything_was_received_is_in_the_first_turn() -> None:
    left, right = ((started(), received("hi")), (started(), sent("hi", CALLER)))
    assert divergence(left, right).turn == 1
