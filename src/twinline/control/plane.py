"""What the control plane's endpoints and services share.

Comes in: the parts, made by `main`. Goes out: one frozen bundle of them.
"""

from dataclasses import dataclass

from twinline.bus import Bus
from twinline.control.jobs import Jobs
from twinline.control.publishing import Publisher
from twinline.control.rehearsals import Rehearsals
from twinline.control.settings import Settings
from twinline.control.store import Store


@dataclass(frozen=True)
class Plane:
    """The parts of one running control plane."""

    settings: Settings
    bus: Bus
    store: Store
    publisher: Publisher
    jobs: Jobs
    rehearsals: Rehearsals
