"""The dialogue with an application as a state machine: which verb comes next, what is posted where, when it is over.

Comes in: what happened (an answer, a verb's result, the line's state), with the seconds since the session's start. Goes
out: commands, the last of which says what to wait for. No I/O and no clock, so that a telephone's dialogue can be held
in a test without one.

A document is performed action by action. What comes of it is an event (`continue`, `incomplete`, `error`, `hangup`, or
a signal's name), and the document's own `on` says what to do on it: perform something, then post the result to `next`.
An event that it does not name is `continue`; without that the session ends.
"""

from collections import deque
from urllib.parse import urljoin

import msgspec
from msgspec import UNSET

from twinline.model.transcript import Choice, VerbResult
from twinline.model.webapi import is_web_address
from twinline.runtime.session.options import ATTEMPTS_LIMIT
from twinline.runtime.webapi.document import Action, Condition, Document, Say, number, text_of
from twinline.runtime.webapi.opening import Facts, session_document
from twinline.runtime.webapi.results import (
    ActionResult,
    ResultDocument,
    actions_field,
    grammar_name,
    nlsml,
    result_json,
    session_json,
    timestamp,
)
from twinline.runtime.webapi.verbs import arguments_of, engine_verb, said

DOCUMENTS_LIMIT = 10_000
"""Documents of one session: a caller held for two hours by music of a few seconds gets a few thousand."""

IDLE_LIMIT = 20
"""Documents in a row that do nothing but name the next one. curl follows 50 redirects, browsers 20."""


class Post(msgspec.Struct, frozen=True):
    """Post this, and tell what came of it by `answered` or `failed`."""

    url: str
    body: bytes


class Perform(msgspec.Struct, frozen=True):
    """Let the engine perform this verb, and tell its result by `performed`. `place` is the action's in its document."""

    verb: str
    arguments: dict[str, object]
    url: str
    place: int


class Warn(msgspec.Struct, frozen=True):
    """A line for the session's log; nothing is waited for."""

    text: str


class End(msgspec.Struct, frozen=True):
    """The session is over. `failure` says why when it failed, `url` where."""

    failure: str = ""
    url: str = ""


Command = Post | Perform | Warn | End
Commands = tuple[Command, ...]

_FAILED = {"timeout": "TIMEOUT", "silenceTimeout": "TIMEOUT", "badChoice": "NOMATCH", "callFailure": "FAILED"}
"""The results of verbs that came to nothing, and what an application is told."""

_CONDITION = {"timeout": "timeout", "badChoice": "nomatch"}
_ALWAYS_TOLD = frozenset({"ask", "record", "transfer", "conference"})
_MEASURED = frozenset({"transfer", "conference"})
_ASIDE = frozenset({"startRecording", "stopRecording", "generalLogSecurity"})
"""Verbs beside the dialogue: one that cannot be performed does not end a document."""

_GONE = frozenset({"DISCONNECTED", "REJECTED", "FAILED"})


class _Handler(msgspec.Struct, frozen=True):
    """An event that is being answered: what the result says, and where it goes."""

    event: str
    next: str | None
    complete: bool
    error: str | None


class Dialogue:
    """One session's dialogue. `begin` once, then whatever happens, until a command is `End`."""

    def __init__(self, facts: Facts, url: str) -> None:
        self._facts = facts
        self._url = url
        self._state = facts.state
        self._call = facts.call_id
        self._document = Document()
        self._actions: deque[Action] = deque()
        self._results: list[ActionResult] = []
        self._handler: _Handler | None = None
        self._doing: Action | None = None
        self._since = 0.0
        self._attempt = 0
        self._attempts_of_document = 0
        self._sequence = 0
        self._documents = 0
        self._idle = 0
        self._acted = True
        self._told_of_end = False

    def begin(self) -> Commands:
        """The session document."""
        return (Post(self._url, session_json(session_document(self._facts))),)

    def line(self, state: str, call: str | None = None) -> None:
        """The line's state changed, or it is now this call's. One that is answered after the last has ended is new."""
        self._state = state
        self._call = call or self._call
        if state not in _GONE:
            self._told_of_end = False

    def answered(self, url: str, document: Document, at: float) -> Commands:
        """The application answered, from this address (that of the last redirect)."""
        self._documents += 1
        self._idle = 0 if self._acted else self._idle + 1
        warnings = tuple(Warn(f"{warning} [url={url}]") for warning in document.warnings)
        if self._idle > IDLE_LIMIT:
            return (*warnings, End(f"{IDLE_LIMIT} documents in a row did nothing but name the next one", url))
        if self._documents > DOCUMENTS_LIMIT:
            return (*warnings, End(f"the application answered more than {DOCUMENTS_LIMIT:,} documents", url))
        self._url, self._document = url, document
        self._actions = deque(document.actions)
        self._results = []
        self._handler = None
        self._attempts_of_document = 0
        self._acted = False
        return (*warnings, *self._next(at))

    def failed(self, reason: str, url: str, at: float) -> Commands:
        """There was no usable answer from `url`. The document that named it may have an `on` for the error, once."""
        if self._told_of_end:  # nobody is left to talk to, so an answer of any kind will do
            return Warn(f"{reason} [url={url}]"), End()
        erring = self._handler is not None and self._handler.event == "error"
        if erring or not any(on.event == "error" for on in self._document.ons):
            return (End(reason, url),)
        return Warn(f"{reason} [url={url}]"), *self._event("error", at, complete=False, error=f"{reason} [url={url}]")

    def performed(self, result: VerbResult, at: float) -> Commands:
        """The verb that was to be performed came to this."""
        action, self._doing = self._doing, None
        assert action is not None, "a result belongs to a verb"
        if result.name == "error":
            return self._refused(action, result.message or "", at)
        self._acted = True
        if result.name == "hangup" or action.verb == "reject":
            return self._event("hangup", at)
        if result.name == "signal":
            return self._interrupted(action, result, at)
        return self._failed(action, result, at) if result.name in _FAILED else self._succeeded(action, result, at)

    def _succeeded(self, action: Action, result: VerbResult, at: float) -> Commands:
        self._tell(action, "SUCCESS", result, at)
        return self._next(at)

    def _failed(self, action: Action, result: VerbResult, at: float) -> Commands:
        """It came to nothing: it is tried again, or the document ends, or it goes on without."""
        if action.verb == "ask" and self._attempt < _attempts(action):
            return self._ask(action, after=result)
        self._tell(action, _FAILED[result.name], result, at)
        if action.required and self._handler is None:
            return self._event("incomplete", at, complete=False)
        return self._next(at)

    def _next(self, at: float) -> Commands:
        """The next action, or what comes after the last."""
        if self._actions:
            action = self._actions.popleft()
            self._attempt = 0
            self._since = at
            return self._ask(action) if action.verb == "ask" else self._perform(action, said(action))
        handler = self._handler
        if handler is None:
            return self._event("continue", at)
        if handler.next is not None:
            return self._post(handler, handler.next, at)
        self._handler = None
        return (End(),) if handler.event == "continue" else self._event("continue", at)

    def _ask(self, action: Action, after: VerbResult | None = None) -> Commands:
        """One attempt of an ask; `after` is what the one before came to."""
        failed = None if after is None else Condition(_CONDITION.get(after.name, ""), self._attempt)
        self._attempt += 1
        self._attempts_of_document += 1
        return self._perform(action, prompt(action.says, failed))

    def _perform(self, action: Action, text: str) -> Commands:
        self._doing = action
        return (Perform(engine_verb(action), arguments_of(action, text), self._url, action.place),)

    def _refused(self, action: Action, message: str, at: float) -> Commands:
        """The verb could not be performed. On a line that has ended that is no news but the end of it."""
        ending = self._handler is not None and self._handler.event == "hangup"
        if self._state in _GONE and not self._told_of_end and not ending:
            return self._event("hangup", at)
        tolerated = Warn(f"{action.verb} (item {action.place}): {message} [url={self._url}]")
        if self._handler is not None or not action.required or action.verb in _ASIDE or self._told_of_end:
            return tolerated, *self._next(at)
        if not any(on.event in ("error", "continue") for on in self._document.ons):
            return (End(message, self._url),)
        return tolerated, *self._event("error", at, complete=False, error=message)

    def _interrupted(self, action: Action, signal: VerbResult, at: float) -> Commands:
        """A signal ends its action. One that the document has an `on` for ends the document as well."""
        self._tell(action, "EXTERNAL_EVENT", signal, at)
        if self._handler is None and any(on.event == signal.value for on in self._document.ons):
            return self._event(str(signal.value), at)
        return self._next(at)

    def _event(self, event: str, at: float, *, complete: bool = True, error: str | None = None) -> Commands:
        """Leave the rest of the document and do what it says for this event, or for `continue`."""
        if self._told_of_end:
            return (End(),)
        found = [on for on in self._document.ons if on.event == event]
        if not found and event != "continue":
            found = [on for on in self._document.ons if on.event == "continue"]
        if not found:
            return (End(),)
        ordered = sorted(found, key=lambda on: on.order)
        self._handler = _Handler(event, next((on.next for on in ordered if on.next), None), complete, error)
        self._actions = deque(action for on in ordered for action in on.actions)
        return self._next(at)

    def _post(self, handler: _Handler, following: str, at: float) -> Commands:
        """The result, to an address that may be relative to where the document came from."""
        try:
            url = urljoin(self._url, following)
        except ValueError:
            url = following
        if not is_web_address(url):
            return (End(f"the next address is none that can be asked: {following[:200]!r}", self._url),)
        self._sequence += 1
        gone = self._state in _GONE
        self._told_of_end = gone
        result = ResultDocument(
            sessionId=self._facts.session,
            callId=self._call,
            state=self._state,
            sessionDuration=int(at),
            sequence=self._sequence,
            complete=handler.complete,
            error=handler.error,
            calledid=UNSET if self._facts.called is None else self._facts.called,
            actions=UNSET if gone else actions_field(self._results),
        )
        return (Post(url, result_json(result)),)

    def _tell(self, action: Action, disposition: str, result: VerbResult, at: float) -> None:
        """Keep what an action came to for the result document, if applications are told of it."""
        if action.verb not in _ALWAYS_TOLD and not (action.verb == "call" and action.name is not None):
            return
        if action.verb == "ask" and result.value == "noChoice":
            return
        told = ActionResult(name=action.name, disposition=disposition)
        if action.verb in _MEASURED:
            told = msgspec.structs.replace(told, duration=int(at - self._since))
        elif action.verb == "ask":
            told = msgspec.structs.replace(told, attempts=self._attempt)
        elif action.verb == "record":
            url = UNSET if result.value is None else result.value
            told = msgspec.structs.replace(told, attempts=result.attempt, url=url)
        if action.verb in ("call", "transfer") and disposition == "SUCCESS":
            told = msgspec.structs.replace(
                told, timestamp=timestamp(self._facts.epoch + at), calledid=_first(action.options.get("to"))
            )
        if disposition == "SUCCESS" and result.choice is not None:
            told = self._understood(told, action, result)
        self._results.append(told)

    def _understood(self, told: ActionResult, action: Action, result: VerbResult) -> ActionResult:
        choice = result.choice
        assert choice is not None, "only a choice is understood"
        keys = not self._facts.text and all(sign in "0123456789*#" for sign in choice.utterance.replace(" ", ""))
        mode = "text" if self._facts.text else "dtmf" if keys else "speech"
        given = choice.utterance.replace(" ", "") if keys else choice.utterance
        grammar = grammar_name(self._facts.session, self._sequence, self._attempts_of_document - 1)
        return msgspec.structs.replace(
            told,
            confidence=choice.confidence,
            interpretation=choice.interpretation,
            utterance=choice.utterance,
            concept=choice.concept if _named(choice, arguments_of(action).get("choices")) else UNSET,
            value=choice.concept if result.value is None else result.value,
            xml=nlsml(f"dtmf-{given}" if keys and len(given) == 1 else given, mode, choice.confidence, grammar),
        )


def prompt(says: tuple[Say, ...], failed: Condition | None) -> str:
    """What an ask says: after a failed attempt (`attempt` is its number) the first prompt for that, and the plain ones.

    A prompt for an event counts only before the plain ones.
    """
    plain = next((index for index, say in enumerate(says) if not say.conditions), len(says))
    after = next((say.text for say in says[:plain] if failed is not None and _applies(say, failed)), "")
    return " ".join(text for text in (after, *(say.text for say in says if not say.conditions)) if text)


def _applies(say: Say, failed: Condition) -> bool:
    return any(condition in (failed, Condition(failed.event)) for condition in say.conditions)


def _attempts(action: Action) -> int:
    return int(min(max(number(action.options.get("attempts")) or 1, 1), ATTEMPTS_LIMIT))


def _first(to: object) -> str:
    return text_of(to[0] if isinstance(to, list) and to else to)


def _named(choice: Choice, choices: object) -> bool:
    """Whether the grammar has names for what its answers mean: in the simple notation, those before parentheses."""
    return choice.concept != choice.interpretation or "(" in text_of(choices)
