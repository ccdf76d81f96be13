"""A dialogue that was captured in 2011, held again: a telephone rings, and the application is on the other side."""

from tests.runtime.webapi.stage import ONE, ask, begun, on, say
from twinline.model.transcript import VerbResult

CAPTURED_KEYS = ["sessionId", "callId", "state", "sessionDuration", "sequence", "complete", "error"]


def test_a_captured_dialogue_turn_by_turn() -> None:
    """An application of 2011 rings somebody up, asks for a key, holds the line and puts people into a room."""
    stage = begun(None, {"action": "create", "event_id": "1", "format": "form"})

    stage.answer(
        on("hangup", "/tropo/callback.json"), on("error", "/tropo/callback.json"),
        on("continue", "/tropo/greeting.json"),
        {"call": {"to": ["+14155551212", "+14155551213"], "from": "+14155551214"}},
    )  # fmt: skip
    assert stage.verb() == ("call", {"to": ["+14155551212", "+14155551213"], "callerID": "+14155551214"})
    stage.dialogue.line("ANSWERED", "c2")

    path, result = stage.comes_to("answer", after=8.4).posted()
    assert (path, list(result)) == ("/tropo/greeting.json", CAPTURED_KEYS)
    assert result["callId"] == "c2"
    assert (result["state"], result["sessionDuration"], result["sequence"], result["complete"]) == (
        "ANSWERED",
        8,
        1,
        True,
    )

    stage.answer(
        on("hangup", "/tropo/callback.json"), on("error", "/tropo/callback.json"),
        on("continue", "/tropo/put_on_hold.json"), on("incomplete", "/tropo/no_keypress.json"),
        {"ask": {"name": "signin", "bargein": True, "timeout": 8, "required": "true", "voice": "dave",
                 "say": [{"value": "Press a key", "voice": "dave"}],
                 "choices": {"value": "[1 DIGIT]", "mode": "dtmf"}}},
    )  # fmt: skip
    verb, arguments = stage.verb()
    assert (verb, arguments["choices"], arguments["mode"], arguments["voice"]) == ("ask", "[1 DIGIT]", "dtmf", "dave")

    path, result = stage.comes_to(ONE, after=5).posted()
    assert (path, result["sequence"]) == ("/tropo/put_on_hold.json", 2)
    action = result["actions"]
    assert isinstance(action, dict)
    assert (action["name"], action["disposition"], action["confidence"]) == ("signin", "SUCCESS", 100)
    assert '<input mode="dtmf">dtmf-1</input>' in action["xml"]

    stage.answer(
        on("continue", "/tropo/put_on_hold.json"), on("placed", "/tropo/place_in_conference.json"),
        on("apologize", "/tropo/apologize.json"), say("Please hold"), say("http://app.example/music.mp3"),
    )  # fmt: skip
    stage.comes_to("say")
    path, result = stage.comes_to(VerbResult(name="signal", value="placed"), after=12).posted()
    assert (path, result["sequence"], list(result)) == ("/tropo/place_in_conference.json", 3, CAPTURED_KEYS)

    stage.answer(
        say("You are connected"),
        {"conference": {"id": "15mcPool2Room1", "playTones": True, "terminator": "#", "name": "15mcPool2Room1_name"}},
        on("onemin", "/tropo/one_minute_warning.json"), on("hangup", "/tropo/callback.json"),
    )  # fmt: skip
    stage.comes_to("say", after=2.0)
    assert stage.verb() == ("conference", {"id": "15mcPool2Room1", "playTones": True, "terminator": "#"})
    path, result = stage.comes_to(VerbResult(name="signal", value="onemin"), after=28.2).posted()
    assert (path, result["sequence"], list(result)) == (
        "/tropo/one_minute_warning.json",
        4,
        [*CAPTURED_KEYS, "actions"],
    )
    assert result["actions"] == {"name": "15mcPool2Room1_name", "duration": 28, "disposition": "EXTERNAL_EVENT"}

    stage.answer(say("One minute"), on("hangup", "/tropo/callback.json"))
    stage.dialogue.line("DISCONNECTED")
    path, result = stage.comes_to("hangup").posted()
    assert (path, result["sequence"], list(result)) == ("/tropo/callback.json", 5, CAPTURED_KEYS)
    assert (result["state"], result["complete"], result["error"]) == ("DISCONNECTED", True, None)
    assert stage.fail("the answer is no JSON").over


def test_in_the_captured_dialogue_nobody_presses_a_key() -> None:
    stage = begun(None, {"event_id": "1"})
    stage.dialogue.line("ANSWERED")
    stage.answer({"call": {"to": "+14155551212"}}, on("continue", "/g")).comes_to("answer", after=8)
    stage.answer(ask(name="signin", required="true"), on("continue", "/hold"), on("incomplete", "/no_keypress"))
    path, result = stage.comes_to("timeout", after=13.4).posted()
    assert (path, list(result)) == ("/no_keypress", [*CAPTURED_KEYS, "actions"])
    assert (result["sequence"], result["complete"], result["sessionDuration"]) == (2, False, 21)
    assert result["actions"] == {"name": "signin", "attempts": 1, "disposition": "TIMEOUT"}
