"""The engine on a text line: verbs, attempts, ends."""

import asyncio

from tests.runtime.session.scripts import CoroutineScript, Raised, TestLine, run
from twinline.model.transcript import ErrorRaised, Hangup, Logged, MessageReceived, Outcome, SessionEnded, VerbStarted


async def test_the_first_ask_takes_the_message_that_started_the_session() -> None:
    async def program(script: CoroutineScript) -> None:
        result = await script.verb("ask", text="Red or blue?", choices="red, blue")
        await script.verb("say", text=f"You said {result.value}")

    assert (await run(program, initial_text="Red")).line.texts == ["You said red"]


async def test_an_ask_that_is_not_understood_asks_again_and_runs_the_handlers_once_for_each_attempt() -> None:
    async def program(script: CoroutineScript) -> None:
        await script.verb("ask", text="Red or blue?", choices="red, blue", attempts=3, handlers=("onBadChoice",))

    done = await run(program, TestLine("green", "blue"))
    assert done.line.texts == ["Red or blue?", "Red or blue?"]
    assert [(result.name, result.attempt) for result in done.script.attempts] == [("badChoice", 1), ("badChoice", 2)]


async def test_silence_is_a_timeout() -> None:
    results: list[str] = []

    async def program(script: CoroutineScript) -> None:
        results.append((await script.verb("ask", text="?", choices="[ANY]", timeout=0.01)).name)

    await run(program, initial_text=None)
    assert results == ["timeout"]


async def test_an_ask_without_choices_only_says() -> None:
    results: list[str | None] = []

    async def program(script: CoroutineScript) -> None:
        results.append((await script.verb("ask", text="Welcome")).value)

    done = await run(program)
    assert (done.line.texts, results) == (["Welcome"], ["noChoice"])


async def test_a_grammar_that_does_not_parse_raises_at_the_verb_with_its_place() -> None:
    async def program(script: CoroutineScript) -> None:
        await script.verb("ask", text="?", choices="red(")

    done = await run(program)
    (error,) = [event.error for event in done.transcript if isinstance(event, ErrorRaised)]
    assert "column" in error.message
    assert done.transcript[-1].outcome is Outcome.FAILED


async def test_markup_is_left_out_of_a_text() -> None:
    async def program(script: CoroutineScript) -> None:
        await script.verb("say", text="<speak>Hello <emphasis>Anna</emphasis></speak>")

    assert (await run(program)).line.texts == ["Hello Anna"]


async def test_a_message_goes_to_each_recipient_and_not_to_the_caller() -> None:
    async def program(script: CoroutineScript) -> None:
        await script.verb("message", text="Parcel", to=["+14155550122", "4155550123"])

    done = await run(program)
    assert [sent.recipient for sent in done.line.sent.values()] == ["+14155550122", "+14155550123"]


async def test_the_script_goes_on_after_its_line_and_the_next_verb_on_it_raises() -> None:
    async def program(script: CoroutineScript) -> None:
        await script.verb("hangup")
        await script.verb("hangup")
        await script.verb("message", text="after", to="+14155550122")
        await script.verb("say", text="too late")

    done = await run(program)
    assert done.line.texts == ["after"]
    (error,) = [event.error.message for event in done.transcript if isinstance(event, ErrorRaised)]
    assert error == "Call[+14155550111->+14155550100] cannot say when state is DISCONNECTED"
    assert sum(isinstance(event, Hangup) for event in done.transcript) == 1


async def test_the_conversation_is_over_when_the_line_ends_not_when_the_script_does() -> None:
    async def program(script: CoroutineScript) -> None:
        await script.verb("hangup")
        await script.verb("message", text="after", to="+14155550122")

    done = await run(program)
    (index,) = done.line_over_at
    assert index < len(done.transcript) - 2


async def test_verbs_of_several_threads_are_performed_at_the_same_time() -> None:
    async def program(script: CoroutineScript) -> None:
        asking = asyncio.ensure_future(script.verb("ask", text="?", choices="[ANY]", timeout=5))
        await script.verb("say", text="meanwhile")
        script.log("said")
        await asking

    line = TestLine()
    running = asyncio.ensure_future(run(program, line, initial_text=None))
    async with asyncio.timeout(5):
        while len(line.texts) < 2:  # noqa: ASYNC110  # the carrier's view, as it fills
            await asyncio.sleep(0.001)
    assert not running.done()
    line.inbox.put_nowait(None)
    assert set((await running).line.texts) == {"?", "meanwhile"}


async def test_a_verb_of_the_telephone_says_that_the_line_is_text() -> None:
    async def program(script: CoroutineScript) -> None:
        try:
            await script.verb("record", text="Speak")
        except Raised as error:
            script.log(str(error))

    done = await run(program)
    assert [event.text for event in done.transcript if isinstance(event, Logged)] == [
        "record needs a telephone call; this session's line is text"
    ]


async def test_a_script_that_does_not_end_is_stopped_at_its_limit() -> None:
    async def program(script: CoroutineScript) -> None:
        await asyncio.sleep(60)

    ended = (await run(program, time_limit=0.05)).transcript[-1]
    assert isinstance(ended, SessionEnded)
    assert (ended.outcome, ended.reason) == (Outcome.TIMED_OUT, "the script ran longer than 0.05 s")


async def test_every_answer_is_recorded_with_the_ask_that_took_it() -> None:
    async def program(script: CoroutineScript) -> None:
        await script.verb("ask", text="1?", choices="[ANY]")
        await script.verb("ask", text="2?", choices="[ANY]")

    done = await run(program, TestLine("one", "two"), initial_text=None)
    asks = [event.id for event in done.transcript if isinstance(event, VerbStarted)]
    assert [event.verb for event in done.transcript if isinstance(event, MessageReceived)] == asks


async def test_a_session_without_a_sandbox_says_so_in_its_log() -> None:
    async def program(script: CoroutineScript) -> None:
        await script.verb("say", text="hello")

    done = await run(program, sandbox="none")
    (warning,) = [event for event in done.transcript if isinstance(event, Logged)]
    assert (warning.source, warning.level) == ("platform", "warning")
    assert "--sandbox=none" in warning.text


async def test_the_transcript_is_durable_before_the_session_waits() -> None:
    async def program(script: CoroutineScript) -> None:
        await script.verb("ask", text="1?", choices="[ANY]")

    done = await run(program, TestLine("one"), initial_text=None)
    (checkpoint,) = done.checkpoints
    assert not any(isinstance(event, MessageReceived) for event in checkpoint)
    assert isinstance(checkpoint[1], VerbStarted)
