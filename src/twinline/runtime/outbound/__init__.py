"""The way out: scripts' only road to HTTP, which keeps what came of it and, in a rehearsal, gives it back.

The public face is `OutboundProxy` with its `OutboundSettings`, what a session may do (`Live`, `Recorded`), and the
`Cassette` of a recorded session. What runs inside sandboxes is in `inside/`. `docs/outbound.md` tells the whole.
"""

from twinline.runtime.outbound.cassette import Cassette
from twinline.runtime.outbound.policy import Live, OnExchange, Recorded
from twinline.runtime.outbound.proxy import OutboundProxy
from twinline.runtime.outbound.settings import OutboundSettings

__all__ = ["Cassette", "Live", "OnExchange", "OutboundProxy", "OutboundSettings", "Recorded"]
