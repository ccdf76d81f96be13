"""What JavaScript scripts see and do."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.nodes import node
from tests.runtime.languages.stage import Answers, Ran, Stage, chosen
from twinline.model.transcript import VerbResult
from twinline.runtime.languages import protocol
from twinline.runtime.languages.sandbox import Interpreters

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(params=["22", "24"], scope="module")
def interpreters(request: pytest.FixtureRequest) -> Interpreters:
    """Every release that a build may have."""
    return Interpreters(python=Path(sys.executable), node=node(request.param), own=Path(sys.executable))


async def run(stage: Stage, source: str, answers: Answers | None = None, **more: Any) -> Ran:
    return await stage.run(source, entry="main.js", answers=answers, **more)


async def test_a_verb_names_its_arguments_and_the_line_that_called_it(stage: Stage) -> None:
    ran = await run(stage, '\nfunction greet() {\n  say("hi", {voice: "kate"});\n}\ngreet(); wait(500);\nhangup();')
    assert [(verb.verb, verb.arguments, verb.line) for verb in ran.verbs] == [
        ("say", {"text": "hi", "voice": "kate"}, 3),
        ("wait", {"milliseconds": 500}, 5),
        ("hangup", {}, 6),
    ]
    assert {verb.file for verb in ran.verbs} == {"main.js"}
    assert ran.done
    assert ran.exit.cause == ""


async def test_ask_returns_the_event(stage: Stage) -> None:
    source = 'var e = ask("Which?");\nsay(e.name + e.value + e.choice.utterance + e.choice.confidence + e.recordURI);'
    ran = await run(stage, source, {"ask": (chosen("b"),)})
    assert ran.said == ["choicebb100undefined"]


async def test_arguments_become_what_json_holds(stage: Stage) -> None:
    ran = await run(stage, 'say("x", {list: [1, undefined], f: NaN, d: new Map(), s: "\\ud83d", big: 1n, n: null})')
    assert ran.verbs[0].arguments == {
        "text": "x", "list": [1, None], "f": "NaN", "d": "[object Map]", "s": "\ufffd", "big": "1", "n": None
    }  # fmt: skip


async def test_handlers_run_at_each_attempt_their_own_before_on_event(stage: Stage) -> None:
    source = """
ask("?", {onBadChoice: function(e) { log("bad " + e.attempt) }, onTimeout: () => log("late"),
          onEvent: e => log("any " + e.name), onChoice: e => { log("chose " + e.value); throw new Error("oops") }})
"""
    late = VerbResult("timeout", attempt=2)
    ran = await run(stage, source, {"ask": (VerbResult("badChoice"), late, chosen("a"))})
    assert ran.verbs[0].handlers == ("onBadChoice", "onTimeout", "onEvent", "onChoice")
    assert "onBadChoice" not in ran.verbs[0].arguments
    assert ran.logged == [
        "bad 1", "any badChoice", "late", "any timeout", "chose a", " ---- Callback Error : oops", "any choice"
    ]  # fmt: skip
    assert [log.line for log in ran.logs if log.level == "error"] == [3]


async def test_an_error_runs_its_handler_and_then_throws(stage: Stage) -> None:
    source = """
try {
  ask("?", {onError: e => log("handled " + e.message)})
} catch (error) {
  say(error.name + ": " + error.message)
}
say("more")
"""
    answers: Mapping[str, Any] = {
        "ask": (VerbResult("error", message="no line"),),
        "say": (protocol.RefusedVerb("LineEnded", "over"),),
    }
    ran = await run(stage, source, answers)
    assert ran.logged == ["handled no line"]
    assert ran.verbs[1].arguments == {"text": "CallError: no line"}
    assert ran.error is not None
    assert (ran.error.type, ran.error.message, ran.error.line) == ("LineEnded", "over", 5)


async def test_the_call_and_the_parameters_are_globals(stage: Stage) -> None:
    source = """
log(currentCall.callerID, currentCall.callerId, currentCall.transferInfo, colour)
log(getHeader("x-colour"), currentCall.getHeader("none"), JSON.stringify(currentCall.getHeaderMap()))
log(currentCall.isActive()); hangup(); log(currentCall.isActive(), currentCall.state())
currentCall.say(typeof say)
"""
    ran = await run(stage, source, parameters={"colour": "blue", "say": "no"})
    assert ran.logged == [
        "14155550100 undefined null blue", 'blue null {"x-colour":"blue"}', "true", "false DISCONNECTED"
    ]  # fmt: skip
    assert ran.said == ["function"]


async def test_a_session_without_a_call_has_none(stage: Stage) -> None:
    ran = await run(stage, "log(currentCall, getHeader('x'))", call=None)
    assert ran.logged == ["null null"]


async def test_functions_of_the_script_are_globals_and_modules_of_the_bundle_see_the_verbs(stage: Stage) -> None:
    source = """
var own = require('./lib/own');
function f() { return 'f' }
log(f.name, globalThis.f(), own.greet(), __filename);
"""
    ran = await run(stage, source, files={"lib/own.js": "exports.greet = () => { say('hi');\n return module.id }"})
    assert ran.said == ["hi"]
    assert ran.verbs[0].file == "lib/own.js"
    assert ran.logged == ["f f /app/lib/own.js /app/main.js"]


async def test_printing_stands_in_order_with_verbs(stage: Stage) -> None:
    source = 'console.log("one %d", 1); say("x"); console.error("two\\nthree"); log("y"); console.log("4")'
    ran = await run(stage, source)
    assert ran.output == "one 1\ntwo\nthree\n4\n"
    assert ran.order == ["output", "say", "output", "output", "log", "output"]


async def test_an_exception_is_told_with_its_place_and_frames(stage: Stage) -> None:
    ran = await run(
        stage,
        "const rates = require('./rates');\n\nrates.of('x');\n",
        files={"rates.js": "exports.of = function of(code) {\n  return ({})[code].rate;\n};\n"},
    )
    assert ran.error is not None
    assert ran.error.type == "TypeError"
    assert (ran.error.file, ran.error.line) == ("rates.js", 2)
    assert ran.error.frames[-1] == "main.js:3 in <script>"
    assert not ran.done


async def test_a_syntax_error_is_told_with_its_place(stage: Stage) -> None:
    ran = await run(stage, "say('fine');\nif (\n")
    assert ran.error is not None
    assert (ran.error.type, ran.error.file) == ("SyntaxError", "main.js")
    assert ran.error.line in (2, 3)
    assert ran.verbs == []


async def test_a_thrown_thing_that_is_no_error_is_told_as_it_reads(stage: Stage) -> None:
    ran = await run(stage, "throw 'words'")
    assert ran.error is not None
    assert (ran.error.type, ran.error.message) == ("string", "words")


async def test_timers_and_promises_run_to_their_end(stage: Stage) -> None:
    source = "(async () => { await new Promise(r => setTimeout(r, 50)); say('late') })()"
    ran = await run(stage, source)
    assert ran.said == ["late"]
    assert ran.done


async def test_an_unhandled_rejection_fails_with_its_line(stage: Stage) -> None:
    ran = await run(stage, "async function main() {\n  await null;\n  throw new RangeError('far');\n}\nmain();")
    assert ran.error is not None
    assert (ran.error.type, ran.error.message, ran.error.line) == ("RangeError", "far", 3)


async def test_a_script_may_catch_what_nobody_caught(stage: Stage) -> None:
    source = "process.on('uncaughtException', e => say(e.message)); setTimeout(() => { throw new Error('x') })"
    ran = await run(stage, source)
    assert ran.said == ["x"]
    assert ran.done


async def test_leaving_by_process_exit_is_an_end_like_any_other(stage: Stage) -> None:
    ran = await run(stage, "setTimeout(() => {}, 60000); say('x'); process.exit(3)")
    assert ran.done


async def test_randomness_follows_the_seed(stage: Stage) -> None:
    source = "var n = []; for (var i = 0; i < 1000; i++) n.push(Math.random());\n" + (
        "log(n[0], n.every(x => x >= 0 && x < 1), Math.round(n.reduce((a, b) => a + b) / 100))"
    )
    first, again, other = [await run(stage, source, seed=seed) for seed in ("a1", "a1", "b2")]
    assert first.logged == again.logged != other.logged
    assert first.logged[0].endswith(" true 5")


async def test_a_rehearsal_holds_the_systems_randomness_still(stage: Stage) -> None:
    source = """
const c = require('node:crypto');
const filled = new Uint16Array(4); crypto.getRandomValues(filled); c.randomFillSync(filled, 1);
log(c.randomBytes(4).toString('hex'), c.randomUUID(), crypto.randomUUID(), c.randomInt(1000), filled.join())
c.randomBytes(4, (error, bytes) => log(error, bytes.length))
"""
    first, again = [await run(stage, source, rehearsal=True) for _ in range(2)]
    assert first.error is None
    live, other = [await run(stage, source) for _ in range(2)]
    assert first.logged == again.logged
    assert first.logged[1] == "null 4"
    assert live.logged != other.logged
