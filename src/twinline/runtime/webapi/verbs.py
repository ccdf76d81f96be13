"""One verb in two tongues: an action of a document as the scripting API's verb, which is what the engine performs.

Comes in: an `Action` and the words that it says this time. Goes out: the engine's verb and its arguments. Pure.
"""

from collections.abc import Mapping

from twinline.runtime.webapi.document import Action

ENGINE_VERB = {"startRecording": "startCallRecording", "stopRecording": "stopCallRecording"}
"""The verbs that have another name there."""

_RENAMED: Mapping[str, Mapping[str, str]] = {
    "call": {"from": "callerID"},
    "message": {"from": "callerID"},
    "redirect": {"from": "callerID"},
    "transfer": {"from": "callerID", "ringRepeat": "playrepeat"},
    "conference": {"sendTones": "playTones", "exitTone": "terminator"},
    "record": {
        "url": "recordURI",
        "format": "recordFormat",
        "method": "recordMethod",
        "username": "recordUser",
        "password": "recordPassword",
        "maxSilence": "silenceTimeout",
        "exitTone": "terminator",
    },
    "startRecording": {"url": "uri", "username": "recordUser", "password": "recordPassword"},
}
"""Fields that have another name there."""

_TRANSCRIPTION = {
    "id": "transcriptionID",
    "url": "transcriptionOutURI",
    "emailFormat": "transcriptionEmailFormat",
    "language": "transcriptionLanguage",
}


def engine_verb(action: Action) -> str:
    """What the engine calls the verb."""
    return ENGINE_VERB.get(action.verb, action.verb)


def arguments_of(action: Action, text: str = "") -> dict[str, object]:
    """The engine's arguments of an action that says `text` this time."""
    renamed = _RENAMED.get(action.verb, {})
    arguments = {renamed.get(name, name): value for name, value in action.options.items()}
    if isinstance(choices := arguments.pop("choices", None), dict):
        arguments |= _choices(choices, listens=action.verb == "ask")
    elif choices is not None:
        arguments["choices"] = choices
    if isinstance(transcription := arguments.get("transcription"), dict):
        del arguments["transcription"]
        arguments |= {_TRANSCRIPTION[name]: value for name, value in transcription.items() if name in _TRANSCRIPTION}
    if action.says or action.verb in ("say", "ask", "message", "record"):
        for say in reversed(action.says):
            arguments |= say.options
        arguments["text"] = text
    if action.verb == "ask":
        arguments["attempts"] = 1
    return arguments


def said(action: Action) -> str:
    """All that an action says, whatever its conditions."""
    return " ".join(say.text for say in action.says if say.text)


def _choices(given: Mapping[str, object], *, listens: bool) -> dict[str, object]:
    """A choices object as options; outside of an ask only its terminator means something."""
    names = ("value", "mode", "terminator") if listens else ("terminator",)
    found = {name: given[name] for name in names if given.get(name) is not None}
    if "value" in found:
        found["choices"] = found.pop("value")
    return found
