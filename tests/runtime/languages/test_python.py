"""What Python scripts see and do."""

import pytest

from tests.runtime.languages.stage import DONE, Stage, chosen
from twinline.model.transcript import VerbResult
from twinline.runtime.languages import protocol

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_verb_names_its_arguments_and_the_line_that_called_it(stage: Stage) -> None:
    ran = await stage.run('\ndef greet():\n    say("hi", {"voice": "kate"})\ngreet()\nwait(500)\nhangup()\n')
    assert [(verb.verb, verb.arguments, verb.line) for verb in ran.verbs] == [
        ("say", {"text": "hi", "voice": "kate"}, 3),
        ("wait", {"milliseconds": 500}, 5),
        ("hangup", {}, 6),
    ]
    assert {verb.file for verb in ran.verbs} == {"main.py"}
    assert ran.done
    assert ran.exit.cause == ""


async def test_ask_returns_the_event(stage: Stage) -> None:
    source = 'e = ask("Which?")\nsay(e.name + e.value + e.choice.utterance + str(e.choice.confidence))'
    ran = await stage.run(source, answers={"ask": (chosen("b"),)})
    assert ran.said == ["choicebb100"]


async def test_arguments_become_what_json_holds(stage: Stage) -> None:
    source = """
say("x", {"t": (1, 2), "o": object, 3: None, "f": float("nan"), "b": b"by", "big": 1 << 80, "s": "\\ud83d"})
"""
    ran = await stage.run(source)
    big = str(1 << 80)
    assert ran.verbs[0].arguments == {
        "text": "x", "t": [1, 2], "o": "<class 'object'>", "3": None, "f": "nan", "b": "by", "big": big, "s": "\ufffd"
    }  # fmt: skip


async def test_handlers_run_at_each_attempt_their_own_before_on_event(stage: Stage) -> None:
    source = """
def bad(event):
    log("bad %d" % event.attempt)
ask("?", {"onBadChoice": bad, "onTimeout": lambda: log("late"), "onEvent": lambda e: log("any " + e.name),
          "onChoice": lambda e: log("chose " + e.value)})
"""
    ran = await stage.run(
        source, answers={"ask": (VerbResult("badChoice"), VerbResult("timeout", attempt=2), chosen("a"))}
    )
    assert ran.verbs[0].handlers == ("onBadChoice", "onTimeout", "onEvent", "onChoice")
    assert "onBadChoice" not in ran.verbs[0].arguments
    assert ran.logged == ["bad 1", "any badChoice", "late", "any timeout", "chose a", "any choice"]


async def test_what_a_handler_raises_is_logged_with_its_line_and_goes_no_further(stage: Stage) -> None:
    source = 'def late():\n    raise KeyError("x")\nask("?", {"onTimeout": late})\nsay("on")'
    ran = await stage.run(source, answers={"ask": (VerbResult("timeout"),)})
    assert [(log.text, log.line, log.level) for log in ran.logs] == [(" ---- Callback Error : 'x'", 2, "error")]
    assert ran.said == ["on"]


async def test_a_verb_inside_a_handler_is_performed(stage: Stage) -> None:
    source = 'ask("?", {"onBadChoice": lambda: say("again"), "onChoice": lambda: say("thanks")})'
    ran = await stage.run(source, answers={"ask": (VerbResult("badChoice"), chosen("a"))})
    assert ran.said == ["again", "thanks"]


async def test_an_error_runs_its_handler_and_then_raises(stage: Stage) -> None:
    source = """
try:
    ask("?", {"onError": lambda e: log("handled " + e.message)})
except Exception as error:
    say(type(error).__name__ + ": " + str(error))
"""
    ran = await stage.run(source, answers={"ask": (VerbResult("error", message="no line"),)})
    assert ran.logged == ["handled no line"]
    assert ran.said == ["CallError: no line"]


async def test_a_refused_verb_raises_what_the_worker_says(stage: Stage) -> None:
    ran = await stage.run('say("x")', answers={"say": (protocol.RefusedVerb("LineEnded", "the call is over"),)})
    assert ran.error is not None
    assert (ran.error.type, ran.error.message, ran.error.line) == ("LineEnded", "the call is over", 1)


async def test_verbs_of_several_threads_are_answered_each_its_own(stage: Stage) -> None:
    source = """
import threading
def one(n):
    for i in range(5):
        e = ask(str(n))
        say("%d %s" % (n, e.value))
threads = [threading.Thread(target=one, args=(n,)) for n in range(6)]
for t in threads: t.start()
"""
    ran = await stage.run(source, answers={"ask": (chosen("x"),)})
    assert sorted(ran.said) == sorted(f"{n} x" for n in range(6) for _ in range(5))
    assert ran.done


async def test_the_call_reads_as_its_properties_and_none_for_others(stage: Stage) -> None:
    source = """
say("%s %s %s" % (currentCall.callerID, currentCall.callerId, currentCall.transferInfo))
say(getHeader("x-colour") + str(currentCall.getHeader("none")) + str(currentCall.getHeaderMap()))
currentCall.say("method")
"""
    ran = await stage.run(source)
    assert ran.said == ["14155550100 None None", "blueNone{'x-colour': 'blue'}", "method"]


async def test_the_call_is_inactive_after_its_end(stage: Stage) -> None:
    ran = await stage.run("log(currentCall.isActive())\nhangup()\nlog(currentCall.isActive(), currentCall.state())")
    assert ran.logged == ["True", "False DISCONNECTED"]


async def test_a_session_without_a_call_has_its_parameters_as_globals(stage: Stage) -> None:
    source = "log(currentCall, numberToDial, getHeader('x'))\nlog(say.__name__)"
    ran = await stage.run(source, call=None, parameters={"numberToDial": "123", "say": "no", "__name__": "no"})
    assert ran.logged == ["None 123 None", "say"]


async def test_printing_stands_in_order_with_verbs(stage: Stage) -> None:
    ran = await stage.run('print("one")\nsay("x")\nprint("two")\nlog("y")\nimport sys\nsys.stderr.write("three")')
    assert ran.output == "one\ntwo\nthree\n"
    assert ran.order == ["output", "say", "output", "log", "output"]


async def test_an_exception_is_told_with_its_place_and_frames(stage: Stage) -> None:
    ran = await stage.run(
        "import lib.rates\n\nlib.rates.of('x')\n",
        files={"lib/__init__.py": "", "lib/rates.py": "def of(code):\n    return {}[code]\n"},
    )
    assert ran.error is not None
    assert (ran.error.type, ran.error.message) == ("KeyError", "'x'")
    assert (ran.error.file, ran.error.line) == ("lib/rates.py", 2)
    assert ran.error.frames == ("lib/rates.py:2 in of", "main.py:3 in <module>")
    assert not ran.done


async def test_a_syntax_error_is_told_with_its_place(stage: Stage) -> None:
    ran = await stage.run("say('fine')\nif True\n    pass\n")
    assert ran.error is not None
    assert (ran.error.type, ran.error.file, ran.error.line) == ("SyntaxError", "main.py", 2)
    assert ran.verbs == []


async def test_leaving_by_sys_exit_is_an_end_like_any_other(stage: Stage) -> None:
    ran = await stage.run("import sys, atexit\natexit.register(lambda: log('last'))\nsys.exit('bye')")
    assert ran.done
    assert ran.output == "bye\n"
    assert ran.logged == ["last"]


async def test_threads_are_waited_for_after_the_script(stage: Stage) -> None:
    source = """
import threading, time
def later():
    time.sleep(0.2)
    say("late")
threading.Thread(target=later).start()
"""
    ran = await stage.run(source)
    assert ran.said == ["late"]
    assert ran.done


async def test_randomness_follows_the_seed(stage: Stage) -> None:
    source = "import random\nlog(random.random())"
    first, again, other = [await stage.run(source, seed=seed) for seed in ("a1", "a1", "b2")]
    assert first.logged == again.logged != other.logged


async def test_a_rehearsal_holds_the_systems_randomness_still(stage: Stage) -> None:
    source = "import os, uuid, secrets\nlog(os.urandom(4).hex(), uuid.uuid4(), secrets.token_hex(4))"
    first, again = [await stage.run(source, rehearsal=True) for _ in range(2)]
    live, other = [await stage.run(source) for _ in range(2)]
    assert first.logged == again.logged
    assert live.logged != other.logged


async def test_the_bundles_modules_come_before_those_of_the_system(stage: Stage) -> None:
    source = "import json, confine, python_host\nlog(json.OWN, confine.OWN, python_host.OWN)"
    own = {name: f"OWN = {name!r}" for name in ("json.py", "confine.py", "python_host.py")}
    ran = await stage.run(source, files=own)
    assert ran.logged == ["json.py confine.py python_host.py"]


async def test_the_event_helps_with_its_own_handlers(stage: Stage) -> None:
    source = """
e = ask("?")
e.onChoice("a", lambda ev: log("a")) and e.onChoice("b", lambda: log("b")) and e.onTimeout(lambda: log("late"))
log(e.recordURI)
"""
    ran = await stage.run(source, answers={"ask": (chosen("b"),)})
    assert ran.logged == ["b", "None"]


async def test_other_verbs_are_passed_on(stage: Stage) -> None:
    ran = await stage.run(
        'record("r", {"beep": True})\nconference("room")\nredirect("sip:x")\ntransfer(["a", "b"])\n'
        "answer(5)\nreject()\n"
        'startCallRecording("http://x")\nstopCallRecording()\nmessage("m", {"to": "1"})\ncall("2")',
        answers={"record": (DONE,)},
    )
    assert [(verb.verb, verb.arguments) for verb in ran.verbs] == [
        ("record", {"text": "r", "beep": True}),
        ("conference", {"id": "room"}),
        ("redirect", {"to": "sip:x"}),
        ("transfer", {"to": ["a", "b"]}),
        ("answer", {"timeout": 5}),
        ("reject", {}),
        ("startCallRecording", {"uri": "http://x"}),
        ("stopCallRecording", {}),
        ("message", {"text": "m", "to": "1"}),
        ("call", {"to": "2"}),
    ]
