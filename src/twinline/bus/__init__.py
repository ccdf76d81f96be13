"""The bus: where the runtime, the network and the control plane meet (`docs/decisions/0002-bus-package.md`).

Public face: `connect`, `Bus`, `BusAddress`, `prepare` and `names`; `follow`, `follow_queue` and `watch` to read across
restarts; `heed` and `end` for cancellations that the client would lose.
"""

from twinline.bus import names
from twinline.bus.cancelling import end, heed
from twinline.bus.connection import Bus, BusAddress, connect, prepare, wait_until_prepared
from twinline.bus.following import follow, follow_queue
from twinline.bus.watching import watch

__all__ = [
    "Bus",
    "BusAddress",
    "connect",
    "end",
    "follow",
    "follow_queue",
    "heed",
    "names",
    "prepare",
    "wait_until_prepared",
    "watch",
]
