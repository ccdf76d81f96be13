"""The bus: where the runtime, the network and the control plane meet (`docs/decisions/0002-bus-package.md`).

Public face: `connect`, `Bus`, `BusAddress`, `prepare`, and `names`.
"""

from twinline.bus import names
from twinline.bus.connection import Bus, BusAddress, connect, prepare, wait_until_prepared

__all__ = ["Bus", "BusAddress", "connect", "names", "prepare", "wait_until_prepared"]
