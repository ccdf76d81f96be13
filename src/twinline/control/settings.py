"""The control plane's settings, read once at the border (`main`) and handed in.

Comes in: the command line. Goes out: one frozen struct. Times are seconds.
"""

from pathlib import Path

import msgspec

from twinline.bus import BusAddress
from twinline.release import SoakDays


class Settings(msgspec.Struct, frozen=True):
    """How this control plane runs.

    `wheel` is the runtime of builds whose request names none (None: built from the source tree we run from).
    `rehearsal_budget` is the most sessions of one application in a rehearsal; `lane_patience` how long a rehearsal
    waits without any lane answering before the missing ones stay undetermined: starting workers takes a few seconds.
    `ledger_patience` is how long a drained build's last transcripts may take to be stored.
    """

    data: Path
    bus: BusAddress
    host: str = "127.0.0.1"
    port: int = 8081
    wheel: Path | None = None
    soak_days: SoakDays = SoakDays()
    soak_interval: float = 5.0
    drain_interval: float = 1.0
    rehearsal_budget: int = 200
    lane_patience: float = 60.0
    ledger_patience: float = 60.0

    @property
    def bundles(self) -> Path:
        """Every bundle that was deployed, by digest."""
        return self.data / "bundles"

    @property
    def builds(self) -> Path:
        """Every build, by digest."""
        return self.data / "builds"

    @property
    def first_key(self) -> Path:
        """The file that the first API key is written to."""
        return self.data / "api-key"
