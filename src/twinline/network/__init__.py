"""The network: what stays up while builds change. One process, the edge.

It takes messages in from carriers (`gateway`), brings them to the sessions of their conversations (`dispatcher`), and
brings replies out (`sender`), all by a view of the published state (`directory`). `docs/messages.md` tells the whole.

Public face: `EdgeSettings` and `read_settings` (what it is told), `KINDS` (the carriers' dialects),
`twinline.network.main.run` (the process).
"""

from twinline.network.carriers import KINDS
from twinline.network.settings import EdgeSettings, read_settings

__all__ = ["KINDS", "EdgeSettings", "read_settings"]
