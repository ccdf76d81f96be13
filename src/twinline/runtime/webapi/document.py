"""Documents of an application (TropoML): what it answers, read into frozen actions.

Comes in: the body of an HTTP answer, from anybody. Goes out: a `Document`, or a `DocumentError` that names the place.
Real programs are sloppy and so is this: numbers and booleans may be strings, one thing may stand where a list of them
may, what is not known is left out with a warning. No I/O.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TypeGuard

import msgspec

from twinline.model.errors import Mistake

ACTIONS_LIMIT = 1_000
"""Actions of one document, those inside others included. The longest found in real programs has a few dozen."""

Json = Mapping[str, object]


class DocumentError(Mistake):
    """What the application answered is no document. `where` names the place in it."""


class Condition(msgspec.Struct, frozen=True):
    """When a prompt is said: after this event (`timeout`, `nomatch`), at this attempt (0: at any)."""

    event: str
    attempt: int = 0


class Say(msgspec.Struct, frozen=True):
    """Something to say. `conditions` are those of a prompt in an `ask`; without any it is said at every attempt."""

    text: str
    conditions: tuple[Condition, ...] = ()
    options: dict[str, object] = {}


class Action(msgspec.Struct, frozen=True):
    """One verb as the application wrote it. `place` is where it stands in the document, from 1.

    `required` says whether the document ends when the verb comes to nothing; `options` holds the fields of the verb
    that have no name of their own here.
    """

    verb: str
    place: int
    name: str | None = None
    required: bool = True
    says: tuple[Say, ...] = ()
    options: dict[str, object] = {}
    ons: tuple["On", ...] = ()


class On(msgspec.Struct, frozen=True):
    """What to do on an event: perform these, and then post the result to `next` (None: nowhere)."""

    event: str
    next: str | None = None
    actions: tuple[Action, ...] = ()
    post: str | None = None
    order: float = 0.0


class Document(msgspec.Struct, frozen=True):
    """What an application wants done. `warnings` are sentences about what was tolerated."""

    actions: tuple[Action, ...] = ()
    ons: tuple[On, ...] = ()
    warnings: tuple[str, ...] = ()


_COMMON = frozenset({"name", "required", "require", "allowSignals", "voice", "promptLogSecurity", "label"})
_LISTENING = frozenset(
    {
        "say", "choices", "attempts", "timeout", "bargein", "minConfidence", "interdigitTimeout", "sensitivity",
        "silenceTimeout",
    }
)  # fmt: skip
_CALLING = frozenset(
    {"to", "from", "timeout", "headers", "answerOnMedia", "machineDetection", "callbackUrl", "network", "channel"}
)
_RECORDING = frozenset({"url", "format", "method", "username", "password", "asyncUpload"})

FIELDS: Mapping[str, frozenset[str]] = {
    "answer": frozenset({"headers"}),
    "ask": _COMMON
    | _LISTENING
    | {"recognizer", "speechCompleteTimeout", "speechIncompleteTimeout", "asrLogSecurity", "maskTemplate"},
    "call": _COMMON | _CALLING | {"recording"},
    "conference": _COMMON
    | {"id", "mute", "playTones", "sendTones", "terminator", "exitTone", "interdigitTimeout", "joinPrompt"}
    | {"leavePrompt", "on"},
    "generalLogSecurity": frozenset({"state"}),
    "hangup": frozenset({"headers"}),
    "message": _COMMON | _CALLING | {"say", "recording", "media"},
    "record": _COMMON | _LISTENING | _RECORDING | {"beep", "maxSilence", "maxTime", "transcription", "exitTone"},
    "redirect": _COMMON | {"to", "from"},
    "reject": frozenset(),
    "say": _COMMON | {"value", "as", "event", "media"},
    "startRecording": _RECORDING
    | {"transcriptionID", "transcriptionEmailFormat", "transcriptionOutURI", "transcriptionLanguage"},
    "stopRecording": frozenset(),
    "transfer": _COMMON | _CALLING | {"choices", "terminator", "on", "ringRepeat", "interdigitTimeout", "playTones"},
    "wait": frozenset({"milliseconds", "allowSignals"}),
}
"""The verbs and what they take, with the names of the first generation. Anything else is left out with a warning."""

_WRITTEN_PLAIN = {
    "say": "value", "redirect": "to", "call": "to", "transfer": "to", "wait": "milliseconds", "conference": "id",
    "generalLogSecurity": "state", "startRecording": "url", "record": "url", "ask": "say",
}  # fmt: skip
"""The field that is meant when a verb is given no object but one plain value."""

_CHARSET = re.compile(
    r"charset\s*=\s*\"?(utf-?8|utf-?16|iso-8859-\d{1,2}|latin-?1|windows-125\d|us-ascii)\b", re.IGNORECASE
)
"""Those that web servers speak; Python has codecs by other names that are no character sets at all."""

_BYTE = re.compile(r"\(byte (\d+)\)$")


def read_document(body: bytes, content_type: str = "") -> Document:
    """The document in an HTTP answer; an empty body is an empty document. Raises DocumentError."""
    text = _decoded(body, content_type).strip("\ufeff \t\r\n\0")
    if not text:
        return Document()
    try:
        value = msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, RecursionError) as error:
        raise DocumentError(
            f"the answer is no JSON: {error}",
            where=_line(text, str(error)),
            mend='answer as in {"tropo": [{"say": …}]}',
        ) from error
    return _Reader().document(value)


def number(value: object) -> float | None:
    """A number as programs write it: `3`, `"3"`, `"10.0"`; None for anything else."""
    try:
        found = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None
    return found if found is not None and abs(found) < float("inf") else None


def truth(value: object, default: bool) -> bool:
    """A boolean as programs write it: `true`, `"true"`, `"False"`, `0`, `"no"`."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value)
    if isinstance(value, str):
        word = value.strip().lower()
        if word in ("false", "no", "0", "off"):
            return False
        if word in ("true", "yes", "1", "on"):
            return True
    return default


def text_of(value: object) -> str:
    """A text as programs write it: numbers are read out, null is nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""


def _decoded(body: bytes, content_type: str) -> str:
    """The first generation's content was ISO 8859-1; what says nothing else is UTF-8 when it can be."""
    named = _CHARSET.search(content_type)
    for charset in (named[1] if named else "utf-8", "utf-8"):
        try:
            return body.decode(charset)
        except (UnicodeDecodeError, LookupError):
            continue
    return body.decode("latin-1")


def _line(text: str, complaint: str) -> str:
    place = _BYTE.search(complaint)
    before = text.encode()[: int(place[1])] if place else b""
    return f"answer, line {before.count(10) + 1}, column {len(before) - before.rfind(10)}"


def _is_object(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def _listed(value: object) -> list[object]:
    """A list, or the one thing that stands in its place; null is an empty one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


class _Reader:
    """Reads one document: counts its actions and gathers what is tolerated."""

    def __init__(self) -> None:
        self._count = 0
        self._warnings: dict[str, None] = {}

    def document(self, value: object) -> Document:
        if _is_object(value) and "tropo" in value:
            value = value["tropo"]
        elif not isinstance(value, list):
            raise DocumentError(
                'the answer has no "tropo"', where="answer", mend='answer as in {"tropo": [{"say": …}]}'
            )
        actions: list[Action] = []
        ons: list[On] = []
        for place, item in enumerate(_listed(value), start=1):
            if not _is_object(item):
                if item is not None:
                    self._warn(f"item {place} is no object; it is left out")
                continue
            for verb, fields in item.items():
                if verb == "on":
                    ons += self._ons(fields, place)
                else:
                    actions += self._actions(verb, fields, place)
        return Document(tuple(actions), tuple(ons), tuple(self._warnings))

    def _actions(self, verb: str, fields: object, place: int) -> Iterator[Action]:
        """The actions that a verb stands for: a list of things to say is as many of them."""
        known = FIELDS.get(verb)
        if known is None:
            self._warn(f"{verb[:40]!r} (item {place}) is no verb; it is left out")
            return
        for each in _listed(fields) if isinstance(fields, list) else [fields]:
            self._count += 1
            if self._count > ACTIONS_LIMIT:
                raise DocumentError(f"the document has more than {ACTIONS_LIMIT:,} actions", where=f"item {place}")
            yield self._action(verb, each, known, place)

    def _action(self, verb: str, given: object, known: frozenset[str], place: int) -> Action:
        fields = given if _is_object(given) else self._plain(verb, given, place)
        for name in fields:
            if name not in known:
                self._warn(f"{verb} takes no {name[:40]!r} (item {place}); it is left out")
        present = {name: value for name, value in fields.items() if name in known and value is not None}
        says = self._says(fields, place) if verb == "say" else self._says(present.pop("say", None), place)
        if verb == "ask":
            self._check_order(says, place)
        given_name = present.pop("name", None)
        required = truth(present.pop("require", None), default=True)
        required = truth(present.pop("required", None), default=required)
        ons = tuple(self._ons(present.pop("on", None), place))
        if verb == "say":
            present = {}
        return Action(verb, place, None if given_name is None else text_of(given_name), required, says, present, ons)

    def _check_order(self, says: tuple[Say, ...], place: int) -> None:
        """A prompt for an event is found only before the plain one, as Tropo found it."""
        plain = next((index for index, say in enumerate(says) if not say.conditions), len(says))
        for say in says[plain:]:
            if say.conditions:
                self._warn(f"{say.text[:40]!r} stands behind the plain prompt (item {place}) and is never said")

    def _plain(self, verb: str, given: object, place: int) -> dict[str, object]:
        if given is None:
            return {}
        field = _WRITTEN_PLAIN.get(verb)
        if field is None:
            if given not in ("", True, False):
                self._warn(f"{verb} takes no plain value (item {place}); it is left out")
            return {}
        return {field: given}

    def _says(self, given: object, place: int) -> tuple[Say, ...]:
        return tuple(self._say(each, place) for each in _listed(given))

    def _say(self, given: object, place: int) -> Say:
        if not _is_object(given):
            return Say(text_of(given))
        value = given.get("value")
        text = " ".join(text_of(each) for each in _listed(value))
        if value is None:
            self._warn(f"a say without a value (item {place}) says nothing")
        options = {
            name: option
            for name, option in given.items()
            if option is not None and name in ("as", "voice", "allowSignals", "media", "promptLogSecurity")
        }
        return Say(text, tuple(self._conditions(given.get("event"), place)), options)

    def _conditions(self, given: object, place: int) -> Iterator[Condition]:
        """`timeout`, `nomatch`, `nomatch:2`, several of them with blanks between."""
        for word in text_of(given).replace(",", " ").split():
            event, colon, attempt = word.partition(":")
            if colon and not (attempt.isascii() and attempt.isdigit() and len(attempt) < 10):
                self._warn(f"the event {word[:40]!r} (item {place}) has no attempt after its colon; any is meant")
                attempt = ""
            yield Condition(event.lower(), int(attempt or 0))

    def _ons(self, given: object, place: int) -> Iterator[On]:
        for each in _listed(given):
            if not _is_object(each) or not text_of(each.get("event")):
                self._warn(f"an on without an event (item {place}) is left out")
                continue
            inside = [
                action
                for verb in ("say", "ask", "message", "wait")
                if each.get(verb) is not None
                for action in self._actions(verb, each[verb], place)
            ]
            yield On(
                event=text_of(each["event"]).strip(),
                next=text_of(each.get("next")).strip() or None,
                actions=tuple(inside),
                post=text_of(each.get("post")).strip() or None,
                order=number(each.get("order")) or 0.0,
            )

    def _warn(self, sentence: str) -> None:
        self._warnings[sentence] = None
