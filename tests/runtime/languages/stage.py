"""Runs scripts as a worker does, with the part of the session engine played by a table of answers."""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twinline.model.applications import LANGUAGE_BY_SUFFIX, Version
from twinline.model.transcript import Choice, ScriptError, VerbResult
from twinline.runtime.languages import protocol
from twinline.runtime.languages.process import ScriptProcess
from twinline.runtime.languages.sandbox import Exit, Sandboxes

CALL = {
    "id": "c1",
    "sessionId": "s1",
    "callerID": "14155550100",
    "calledID": "14155550199",
    "callerName": "unknown",
    "calledName": "unknown",
    "channel": "TEXT",
    "network": "SMS",
    "initialText": "hello",
    "isIncoming": True,
    "userType": "HUMAN",
    "transferInfo": None,
    "state": "ANSWERED",
    "headers": {"X-Colour": "blue"},
}

Answers = Mapping[str, tuple[VerbResult | protocol.RefusedVerb, ...]]
"""For each verb what it gives: all but the last are attempts before it."""

DONE = VerbResult("done")


def chosen(value: str) -> VerbResult:
    return VerbResult("choice", value=value, choice=Choice(value, value, value))


@dataclass
class Ran:
    """What a script did."""

    verbs: list[protocol.VerbMessage] = field(default_factory=list)
    logs: list[protocol.LogMessage] = field(default_factory=list)
    output: str = ""
    order: list[str] = field(default_factory=list)
    error: ScriptError | None = None
    done: bool = False
    exit: Exit = field(default_factory=lambda: Exit(0, 0, ""))

    @property
    def said(self) -> list[object]:
        return [verb.arguments.get("text") for verb in self.verbs if verb.verb == "say"]

    @property
    def logged(self) -> list[str]:
        return [log.text for log in self.logs]


@dataclass
class Stage:
    """Where scripts run: all of one language in one and the same sandbox, whose bundle is changed between them.

    So whatever a script does to its sandbox, the next one meets it.
    """

    sandboxes: Sandboxes
    folder: Path

    async def open(self, files: Mapping[str, str], entry: str) -> ScriptProcess:
        """A process that is ready to run these files."""
        language = LANGUAGE_BY_SUFFIX[Path(entry).suffix]
        bundle = self.folder / language
        bundle.mkdir(parents=True, exist_ok=True)
        fill(bundle, files)
        return await self.sandboxes.open(Version(digest=language, entry=entry, language=language), bundle)

    async def run(
        self,
        source: str,
        *,
        entry: str = "main.py",
        files: Mapping[str, str] | None = None,
        answers: Answers | None = None,
        call: Mapping[str, object] | None = CALL,
        parameters: Mapping[str, str] | None = None,
        rehearsal: bool = False,
        seed: str = "5eed",
        patience: float = 20.0,
    ) -> Ran:
        """Run a script to its end."""
        process = await self.open({entry: source, **(files or {})}, entry)
        message = {
            "type": "start",
            "session": "s1",
            "call": call,
            "parameters": parameters or {},
            "seed": seed,
            "rehearsal": rehearsal,
            "epoch": 1_700_000_000.0,
            "proxy": "",
        }
        await process.start(message)
        async with asyncio.timeout(patience):
            return await follow(process, answers or {})


def fill(bundle: Path, files: Mapping[str, str]) -> None:
    """Put these files into the folder, and nothing else."""
    for left in bundle.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    for name, text in files.items():
        path = bundle / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


async def follow(process: ScriptProcess, answers: Answers) -> Ran:
    """Play the engine until the process has ended."""
    ran = Ran()
    waiting: dict[int, list[VerbResult | protocol.RefusedVerb]] = {}

    def answer(number: int) -> None:
        result = waiting[number].pop(0)
        if isinstance(result, protocol.RefusedVerb):
            process.send(protocol.ResultMessage(id=number, error=result))
        elif waiting[number]:
            process.send(protocol.AttemptMessage(id=number, result=result))
        else:
            process.send(protocol.ResultMessage(id=number, result=result))

    async for message in process:
        match message:
            case protocol.VerbMessage():
                ran.verbs.append(message)
                ran.order.append(message.verb)
                waiting[message.id] = list(answers.get(message.verb, (DONE,)))
                if message.verb == "hangup":
                    process.send(protocol.StateMessage(call={"state": "DISCONNECTED"}))
                answer(message.id)
            case protocol.ContinueMessage():
                answer(message.id)
            case protocol.LogMessage():
                ran.logs.append(message)
                ran.order.append("log")
            case protocol.Output():
                ran.output += message.text + "\n"
                ran.order.append("output")
            case protocol.FailedMessage():
                ran.error = message.error
            case protocol.DoneMessage():
                ran.done = True
    ran.exit = await process.wait()
    return ran
