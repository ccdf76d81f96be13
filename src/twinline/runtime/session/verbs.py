"""The verbs on a text line: what `say`, `ask`, `message`, `wait`, `hangup` and `reject` do.

Comes in: a verb with its arguments, and the session it acts on. Goes out: the event the verb returns to its script. A
`VerbError` raises in the script, at the line that called the verb.
"""

import re
from collections.abc import Awaitable, Callable, Mapping

from twinline.model.errors import Mistake
from twinline.model.messages import TEXT_LIMIT
from twinline.model.transcript import MessageReceived, VerbResult, VerbStarted
from twinline.runtime.grammar import Grammar, compile_grammar
from twinline.runtime.session.acting import Acting
from twinline.runtime.session.options import AskOptions, ask_options, message_options, seconds

_TAG = re.compile(r"<[^>]*>")

CHECKPOINT_WAIT = 1.0
"""Seconds of waiting from which on the transcript is made durable first."""


class VerbError(Exception):
    """The verb cannot be performed; the script sees an exception with this message."""


Verb = Callable[[Acting, VerbStarted], Awaitable[VerbResult]]


async def say(session: Acting, verb: VerbStarted) -> VerbResult:
    """One message to the caller. Markup is for voices: a text line leaves it out."""
    session.require_line("say")
    text = spoken_text(verb.arguments.get("text"))
    if text:
        await session.send(verb.id, text)
    return VerbResult(name="say")


async def ask(session: Acting, verb: VerbStarted) -> VerbResult:
    """Ask and wait for the caller's next message, at most `attempts` times.

    The session's first ask takes the message that started it, without sending its prompt for that attempt.
    Without choices it only says its text (`choice`, `noChoice`).
    """
    session.require_line("ask")
    options = ask_options(verb.arguments, session.warn)
    if options.choices is None:
        if text := spoken_text(options.text):
            await session.send(verb.id, text)
        return VerbResult(name="choice", value="noChoice")
    grammar = _grammar(options.choices)
    result = VerbResult(name="timeout", attempt=0)
    for attempt in range(session.attempts_made(verb.id) + 1, options.attempts + 1):
        result = await _attempt(session, verb, options, grammar, attempt)
        if result.name in ("choice", "hangup") or attempt == options.attempts:
            break
        await session.attempt_ended(verb.id, result)
    return result


async def _attempt(
    session: Acting, verb: VerbStarted, options: AskOptions, grammar: Grammar, attempt: int
) -> VerbResult:
    text = session.take_initial_text()
    if text is None:
        if prompt := spoken_text(options.text):
            await session.send(verb.id, prompt, index=attempt)
        await session.checkpoint()
        given = await session.line.receive(verb, options.timeout)
        if session.line_ended:
            return VerbResult(name="hangup", attempt=attempt)
        if given is None:
            return VerbResult(name="timeout", attempt=attempt)
        text = given.text
        session.record(
            MessageReceived(
                at=session.clock.now(), text=text, message=given.message, verb=verb.id, sequence=given.sequence
            )
        )
        session.consumed = max(session.consumed, given.sequence)
    choice = grammar.match_text(text)
    if choice is None:
        return VerbResult(name="badChoice", attempt=attempt)
    return VerbResult(name="choice", value=choice.concept, attempt=attempt, choice=choice)


def _grammar(choices: str) -> Grammar:
    try:
        return compile_grammar(choices)
    except Mistake as mistake:
        raise VerbError(f"choices cannot be read: {mistake}") from mistake


async def message(session: Acting, verb: VerbStarted) -> VerbResult:
    """A message to somebody else. It does not touch the session's own line and works after that has ended."""
    options = message_options(verb.arguments, session.network)
    if not options.to:
        raise VerbError("message needs a recipient: give it {'to': '+14155550100'}")
    for index, recipient in enumerate(options.to):
        await session.send(
            verb.id,
            spoken_text(options.text),
            recipient=recipient,
            sender=options.sender,
            network=options.network,
            index=index,
        )
    return VerbResult(name="message")


async def wait(session: Acting, verb: VerbStarted) -> VerbResult:
    """Let time pass: `milliseconds`, as the scripting API counts it."""
    milliseconds = seconds(verb.arguments.get("milliseconds", 0))
    if milliseconds is None:
        raise VerbError(f"wait takes milliseconds, not {verb.arguments.get('milliseconds')!r}")
    duration = milliseconds / 1000.0
    if duration >= CHECKPOINT_WAIT:
        await session.checkpoint()
    await session.clock.sleep(duration)
    return VerbResult(name="wait")


async def answer(session: Acting, verb: VerbStarted) -> VerbResult:
    """A text line is answered from the start."""
    session.require_line("answer")
    return VerbResult(name="answer")


async def hangup(session: Acting, verb: VerbStarted) -> VerbResult:
    """End the session's line; the script goes on. Repeating it changes nothing."""
    await session.end_line("DISCONNECTED")
    return VerbResult(name="hangup")


async def reject(session: Acting, verb: VerbStarted) -> VerbResult:
    """Leave the line without a word."""
    await session.end_line("REJECTED")
    return VerbResult(name="reject")


VERBS: Mapping[str, Verb] = {
    "say": say,
    "ask": ask,
    "prompt": ask,
    "message": message,
    "wait": wait,
    "answer": answer,
    "hangup": hangup,
    "reject": reject,
}
"""The verbs of a text line by name."""

VOICE_VERBS = frozenset(
    {"record", "call", "transfer", "conference", "redirect", "startCallRecording", "stopCallRecording"}
)
"""Verbs that need a telephone."""


async def perform(session: Acting, verb: VerbStarted) -> VerbResult:
    """Perform one verb. Raises VerbError when it cannot be performed."""
    performer = VERBS.get(verb.verb)
    if performer is None:
        if verb.verb in VOICE_VERBS:
            raise VerbError(f"{verb.verb} needs a telephone call; this session's line is text")
        raise VerbError(f"there is no verb {verb.verb!r}")
    return await performer(session, verb)


def spoken_text(value: object) -> str:
    """What a text line shows of a prompt: the words without markup, within the length of a message."""
    text = "" if value is None else str(value)
    if text.lstrip().startswith("<"):
        text = " ".join(_TAG.sub(" ", text).split())
    return text[:TEXT_LIMIT]
