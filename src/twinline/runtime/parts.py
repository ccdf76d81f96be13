"""What a worker's sessions share: the bus, the sandboxes, the way out, the bundles, and what they are pinned to.

Comes in: the worker's settings and the parts it opened. Goes out: the facts of a new session.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass

from twinline.bus import Bus
from twinline.model.messages import StartSession
from twinline.model.transcript import SessionStarted
from twinline.runtime.bundles import Bundles
from twinline.runtime.languages.sandbox import Sandboxes
from twinline.runtime.outbound import OutboundProxy


@dataclass(frozen=True)
class WorkerParts:
    """One worker's parts. `secret` makes seeds that callers cannot guess; `time_limit` is seconds of one session."""

    bus: Bus
    bundles: Bundles
    sandboxes: Sandboxes
    proxy: OutboundProxy
    build: int
    components: dict[str, str]
    sandbox: str
    secret: str
    time_limit: float

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
