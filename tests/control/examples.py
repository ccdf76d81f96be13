"""Builds, sessions and transcripts as tests need them, complete and valid."""

import io
import tarfile
from collections.abc import Mapping

from sqlalchemy.orm import Session

from twinline.bus import names
from twinline.control.store import Store, builds, releases
from twinline.model.applications import Language, Version
from twinline.model.builds import Build, Change, ChangeKind, Cluster, ComponentName, Significance
from twinline.model.messages import Route, StartSession, TranscriptChunk
from twinline.model.transcript import (
    Event,
    MessageReceived,
    MessageSent,
    Outcome,
    SessionEnded,
    SessionStarted,
    Transcript,
    VerbEnded,
    VerbResult,
    VerbStarted,
)

VERSION = Version("d" * 64, "main.py", Language.PYTHON)


def a_build(number: int = 0, node: str = "22.20.0") -> Build:
    return Build(
        number=number,
        digest=f"{number:064x}",
        path=f"/nonexistent/{number}",
        components={ComponentName.RUNTIME: "0.1.0+abc", ComponentName.JAVASCRIPT: node},
        changes=(Change(ComponentName.JAVASCRIPT, ChangeKind.CHANGED, f"Node.js {node}"),),
        significance=Significance.SIGNIFICANT,
        made_at=1_700_000_000.0,
    )


async def add_build(store: Store, node: str = "22.20.0", *, published: bool = True) -> int:
    def add(transaction: Session) -> int:
        number = builds.add(transaction, a_build(node=node)).number
        if published:
            releases.announce(transaction, "published", builds.publish(transaction, number), "t", "")
        return number

    return await store.write(add)


def a_start(session: str, application: str = "shop", mode: Cluster = Cluster.PRODUCTION) -> StartSession:
    return StartSession(session, f"c-{session}", application, mode, VERSION, "+1555", "+4930", "sms", "hello", "m1", 1)


def a_transcript(start: StartSession, build: int = 1, *, turns: int = 2, at: float = 1_700_000_000.0) -> Transcript:
    events: list[Event] = [
        SessionStarted(
            0.0, start.session, start.application, start.mode, start.version.digest, build, {}, start.address,
            start.caller, "TEXT", start.network, start.text, {}, "00", at, "none",
        )
    ]  # fmt: skip
    for turn in range(turns):
        asked = {"text": f"question {turn}", "choices": "yes,no"}
        events += [
            VerbStarted(float(turn), turn + 1, "ask", asked, "main.py", turn + 1),
            MessageSent(float(turn), turn + 1, start.address, start.caller, f"question {turn}", "sms", f"o{turn}"),
            MessageReceived(float(turn), "yes", f"m{turn}", turn + 1),
            VerbEnded(float(turn), turn + 1, VerbResult("choice", "yes")),
        ]
    return (*events, SessionEnded(float(turns), Outcome.COMPLETED))


def chunks_of(start: StartSession, transcript: Transcript, size: int = 3) -> list[TranscriptChunk]:
    return [
        TranscriptChunk(start.session, first, transcript[first : first + size], first + size >= len(transcript), start)
        for first in range(0, len(transcript), size)
    ]


def a_route(session: str, build: int, mode: Cluster = Cluster.PRODUCTION) -> Route:
    return Route(names.conversation_of("+1555", session), session, f"{mode}-{build}-0", build, "shop", (1,), mode=mode)


def a_bundle(files: Mapping[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()
