"""What a worker's sessions share: the bus, the sandboxes, the way out, the bundles, and what they are pinned to.

Comes in: the worker's settings and the parts it opened. Goes out: the facts of a new session, and its script.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from twinline.bus import Bus
from twinline.model.applications import Language, Version
from twinline.model.messages import StartSession
from twinline.model.transcript import Event, SessionStarted
from twinline.model.webapi import read_place
from twinline.runtime.bundles import Bundles
from twinline.runtime.languages.sandbox import Sandboxes
from twinline.runtime.outbound import Cassette, OutboundProxy
from twinline.runtime.session import Session
from twinline.runtime.session.script import Script
from twinline.runtime.webapi import WebScript, WebSettings, web_cassette


@dataclass(frozen=True)
class WorkerParts:
    """One worker's parts. `secret` makes seeds that callers cannot guess; `time_limit` is seconds of one session.

    `web` are the limits of applications that are URLs.
    """

    bus: Bus
    bundles: Bundles
    sandboxes: Sandboxes
    proxy: OutboundProxy
    build: int
    components: dict[str, str]
    sandbox: str
    secret: str
    time_limit: float
    web: WebSettings = field(default_factory=WebSettings)

    def facts(self, start: StartSession) -> SessionStarted:
        """What a new session is pinned to. The same start gives the same seed: repeating it repeats the session."""
        return SessionStarted(
            at=0.0,
            session=start.session,
            application=start.application,
            mode=start.mode,
            version=start.version.digest,
            build=self.build,
            components=self.components,
            address=start.address,
            caller=start.caller,
            channel="TEXT",
            network=start.network,
            initial_text=start.text,
            parameters=start.parameters,
            seed=hmac.new(self.secret.encode(), start.session.encode(), hashlib.sha256).hexdigest()[:32],
            started_at=time.time(),
            sandbox=self.sandbox,
        )

    async def script(self, version: Version, session: Session) -> Script:
        """The version's script, ready to be started for this session.

        Raises Mistake for a bundle that cannot be used, Trouble or Refused when there is no sandbox to be had.
        """
        folder = await self.bundles.folder_of(version.digest)
        if version.language is not Language.WEB:
            return await self.sandboxes.open(version, folder)
        place = read_place(await asyncio.to_thread((folder / version.entry).read_bytes), version.entry)
        return WebScript(
            place.url,
            application=session.started.application,
            clock=session.clock,
            warn=session.warn,
            ask=self.proxy.ask,
            settings=self.web,
        )


def cassette_of(version: Version, recorded: Iterable[Event]) -> Cassette:
    """The outside answers that a recorded session of this version got."""
    return web_cassette(recorded) if version.language is Language.WEB else Cassette(recorded)
