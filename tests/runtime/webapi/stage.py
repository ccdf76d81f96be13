"""A dialogue on a stage: a test says what the world does to it, and time passes when the test says so."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from twinline.model.transcript import Choice, VerbResult
from twinline.runtime.webapi.dialogue import Commands, Dialogue, End, Perform, Post, Warn
from twinline.runtime.webapi.document import read_document
from twinline.runtime.webapi.opening import Facts

URL = "https://app.example/tropo/start.json?line=1"
CALL: Mapping[str, object] = {
    "id": "c1", "callerID": "14153141222", "calledID": "14157660881", "e164CallerID": "14153141222",
    "e164CalledID": "14157660881", "callerName": "unknown", "calledName": "unknown", "channel": "TEXT",
    "network": "SMS", "initialText": "Hello.", "userType": "HUMAN", "state": "ANSWERED", "headers": {},
}  # fmt: skip
ONE = VerbResult(name="choice", value="1", choice=Choice("1", "1", "1"))


@dataclass
class Stage:
    """A dialogue and what its world does. `commands` are what it asked for last."""

    dialogue: Dialogue
    commands: Commands
    at: float = 0.0

    @property
    def last(self) -> Post | Perform | Warn | End:
        return self.commands[-1]

    @property
    def warnings(self) -> list[str]:
        return [command.text for command in self.commands if isinstance(command, Warn)]

    def answer(self, *items: object) -> "Stage":
        assert isinstance(self.last, Post)
        document = read_document(json.dumps({"tropo": items}).encode())
        self.commands = self.dialogue.answered(self.last.url, document, self.at)
        return self

    def fail(self, reason: str = "received non-2XX status code 500") -> "Stage":
        assert isinstance(self.last, Post)
        self.commands = self.dialogue.failed(reason, self.last.url, self.at)
        return self

    def comes_to(self, result: VerbResult | str, after: float = 0.0) -> "Stage":
        assert isinstance(self.last, Perform)
        self.at += after
        result = VerbResult(name=result) if isinstance(result, str) else result
        self.commands = self.dialogue.performed(result, self.at)
        return self

    def verb(self) -> tuple[str, dict[str, object]]:
        assert isinstance(self.last, Perform), self.last
        return self.last.verb, self.last.arguments

    def posted(self) -> tuple[str, dict[str, object]]:
        """Where the last post goes, by its path, and what it holds."""
        assert isinstance(self.last, Post), self.last
        body = json.loads(self.last.body)
        return self.last.url.removeprefix("https://app.example"), body.get("result") or body["session"]

    @property
    def over(self) -> bool:
        return self.last == End()


def begun(call: Mapping[str, object] | None = CALL, parameters: dict[str, str] | None = None) -> Stage:
    dialogue = Dialogue(Facts("s1", "bakery", 1_310_752_992.275, call, parameters or {}), URL)
    return Stage(dialogue, dialogue.begin())


def on(event: str, following: str, **others: object) -> dict[str, object]:
    return {"on": {"event": event, "next": following, **others}}


def ask(**fields: object) -> dict[str, object]:
    return {"ask": {"name": "pick", "say": {"value": "Pick"}, "choices": {"value": "[1 DIGIT]"}, **fields}}


def say(text: str, **fields: object) -> dict[str, object]:
    return {"say": {"value": text, **fields}}
