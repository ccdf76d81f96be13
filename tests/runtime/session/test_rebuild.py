"""A session whose process was lost goes on where it was, and says nothing twice."""

import pytest

from tests.runtime.session.scripts import CoroutineScript, TestLine, run
from twinline.model.transcript import ErrorRaised, Logged, MessageReceived, Outcome, SessionEnded, Transcript


async def order(script: CoroutineScript) -> None:
    """A conversation with a branch, a retry, a handler, a message to somebody else, and an end of its own."""
    await script.verb("say", text="Welcome")
    size = await script.verb("ask", text="Size?", choices="small, large", attempts=3, handlers=("onBadChoice",))
    script.log(f"size {size.value}")
    name = await script.verb("ask", text="Name?", choices="[ANY]", timeout=5)
    await script.verb("message", text=f"{size.value} for {name.value}", to=["+14155550122", "+14155550123"])
    sure = await script.verb("ask", text="Sure?", choices="yes, no")
    await script.verb("say", text=f"{sure.value}, {name.value}")


ANSWERS = ("huge", "large", "Anna", "yes")


async def whole() -> tuple[list[Transcript], list[str], Transcript]:
    done = await run(order, TestLine(*ANSWERS))
    return done.checkpoints, done.line.texts, done.transcript


def shape(transcript: Transcript) -> list[tuple[str, str]]:
    """A transcript without its times."""
    return [(type(event).__name__, str(getattr(event, "text", getattr(event, "result", "")))) for event in transcript]


async def test_a_rebuild_from_any_checkpoint_gives_the_same_session() -> None:
    checkpoints, texts, transcript = await whole()
    assert len(checkpoints) == 4
    for checkpoint in checkpoints:
        taken = sum(isinstance(event, MessageReceived) for event in checkpoint)
        line = TestLine(*ANSWERS[taken:])
        done = await run(order, line, recorded=checkpoint)
        before = [event.text for event in checkpoint if type(event).__name__ == "MessageSent"]
        assert before + line.texts == texts
        assert shape(done.transcript) == shape(transcript)


async def test_a_rebuilt_session_logs_nothing_twice() -> None:
    checkpoints, _, _ = await whole()
    done = await run(order, TestLine("yes"), recorded=checkpoints[-1])
    assert [event.text for event in done.transcript if isinstance(event, Logged)] == ["size large"]


async def test_a_script_that_takes_another_path_ends_with_a_clear_error() -> None:
    checkpoints, _, _ = await whole()

    async def another(script: CoroutineScript) -> None:
        await script.verb("say", text="Hello")

    line = TestLine()
    done = await run(another, line, recorded=checkpoints[-1])
    ended = done.transcript[-1]
    assert isinstance(ended, SessionEnded)
    assert ended.outcome is Outcome.LOST
    assert "where 'say' (main.py:1) is recorded" in ended.reason
    assert [event.platform for event in done.transcript if isinstance(event, ErrorRaised)] == [True]
    assert line.texts == []


@pytest.mark.parametrize("events", [1, 2])
async def test_a_script_that_ends_before_its_place_ends_with_a_clear_error(events: int) -> None:
    checkpoints, _, _ = await whole()

    async def shorter(script: CoroutineScript) -> None:
        await script.verb("say", text="Welcome")

    done = await run(shorter, TestLine(), recorded=checkpoints[events])
    assert done.transcript[-1].outcome is Outcome.LOST
