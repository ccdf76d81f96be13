"""Everything a session needs, real, in one process: sandboxes on two builds, the way out, the examples' service.

Comes in: an example's folder and what a caller says. Goes out: the session's transcript, and its three lanes.
"""

import shutil
import sys
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from examples.lookup_service import PORT, serve
from tests.rehearsal.sessions import CALLER

from twinline.bus import Bus
from twinline.model.applications import LANGUAGE_BY_SUFFIX, Version
from twinline.model.builds import Cluster
from twinline.model.messages import LaneJob
from twinline.model.rehearsal import Lane, UnitResult
from twinline.model.transcript import MessageReceived, MessageSent, SessionStarted, Transcript, VerbStarted
from twinline.rehearsal import compare_unit
from twinline.runtime.bundles import Bundles
from twinline.runtime.lanes import run_lane
from twinline.runtime.languages.sandbox import Interpreters, Limits, Sandboxes
from twinline.runtime.outbound import Live, OutboundProxy, OutboundSettings
from twinline.runtime.parts import WorkerParts
from twinline.runtime.session import Input, Session, VirtualClock

EXAMPLES = Path(__file__).parents[2] / "examples"


class Caller:
    """A caller who says what is written down, and then nothing more."""

    channel = "TEXT"

    def __init__(self, texts: Iterable[str], clock: VirtualClock) -> None:
        self._texts = list(texts)
        self._clock = clock

    async def send(self, message: MessageSent) -> None:
        """The transcript has what was sent."""

    async def receive(self, asked: VerbStarted, timeout: float) -> Input | None:
        if self._texts:
            return Input(self._texts.pop(0), message=f"m{len(self._texts)}")
        await self._clock.sleep(timeout)
        return None

    async def end(self) -> None:
        """Nobody is told."""


@dataclass
class Theatre:
    """Two builds side by side: 1 and 2."""

    parts: dict[int, WorkerParts]
    bundles: Path
    port: int

    def deploy(self, example: str) -> Version:
        """Put an example where workers find it. The service's port is the only thing changed in it."""
        folder = self.bundles / example
        shutil.copytree(EXAMPLES / example, folder, dirs_exist_ok=True)
        entry = next(file for file in folder.iterdir() if file.stem == "main")
        entry.write_text(entry.read_text().replace(str(PORT), str(self.port)))
        return Version(example, entry.name, LANGUAGE_BY_SUFFIX[entry.suffix])

    async def hold(self, version: Version, *texts: str) -> Transcript:
        """A live session on build 1."""
        first, *rest = texts
        parts, clock = self.parts[1], VirtualClock()
        facts = SessionStarted(
            at=0.0, session="live", application=version.digest, mode=Cluster.PRODUCTION, version=version.digest,
            build=1, components={}, address="+15550199", caller=CALLER, channel="TEXT", network="SMS",
            initial_text=first, parameters={}, seed="5eed", started_at=1_767_261_600.0, sandbox="bubblewrap",
        )  # fmt: skip
        session = Session(
            facts, Caller(rest, clock), clock, checkpoint=nothing, line_over=nothing, time_limit=30.0
        )  # fmt: skip
        session.record(MessageReceived(at=0.0, text=first, message="m"))
        credentials = parts.proxy.register("live", Live(session.exchange))
        try:
            script = await parts.sandboxes.open(version, await parts.bundles.folder_of(version.digest))
            return await session.run(script, credentials)
        finally:
            parts.proxy.unregister("live")

    async def rehearse(self, version: Version, recorded: Transcript) -> UnitResult:
        """The three lanes of a session, compared."""
        results = []
        for lane in Lane:
            parts = self.parts[2 if lane is Lane.CANDIDATE else 1]
            job = LaneJob("r1", "u1", lane.value, 1, version, recorded)
            results.append(await run_lane(parts, job, f"r1-{lane.value}"))
        return compare_unit("u1", *results)


async def nothing(_session: Session) -> None:
    """Nobody keeps or is told anything here."""


@asynccontextmanager
async def theatre(folder: Path, bus: Bus, nodes: dict[int, Path]) -> AsyncIterator[Theatre]:
    """Open the theatre, with a Node.js for each build."""
    service = serve(0)
    thread = threading.Thread(target=service.serve_forever, name="lookup service")
    thread.start()
    port = int(service.server_address[1])
    parts: dict[int, WorkerParts] = {}
    async with AsyncExitStack() as stack:
        stack.callback(service.server_close)
        stack.callback(thread.join)
        stack.callback(service.shutdown)
        for build, node in nodes.items():
            socket = folder / f"{build}.sock"
            settings = OutboundSettings(allow=frozenset({f"127.0.0.1:{port}"}))
            proxy = await stack.enter_async_context(
                OutboundProxy(socket=socket, ca_folder=folder / "ca", settings=settings)
            )
            interpreters = Interpreters(python=Path(sys.executable), node=node, own=Path(sys.executable))
            sandboxes = await stack.enter_async_context(
                Sandboxes(
                    interpreters, Limits(), mode="bubblewrap", outbound_socket=socket, ca_file=proxy.ca_file,
                    capacity=4, pool_limit=1,
                )
            )  # fmt: skip
            parts[build] = WorkerParts(
                bus, Bundles(bus, folder / "bundles"), sandboxes, proxy, build, {}, "bubblewrap", "secret", 30.0
            )
        yield Theatre(parts, folder / "bundles", port)
