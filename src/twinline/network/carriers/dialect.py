"""What a carrier's dialect must be able to do.

Comes in: nothing. Goes out: the words between the gateway, the sender and the dialects.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from twinline.model.applications import Carrier
from twinline.model.messages import OutboundMessage


class Arrival(msgspec.Struct, frozen=True):
    """An HTTP request from a carrier. `url` is the one it called, in public words; header names are lower case."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Received(msgspec.Struct, frozen=True):
    """What an arrival says, not yet trusted. `id` is the carrier's own name for the message."""

    to: str
    sender: str
    text: str
    id: str
    network: str


class Answer(msgspec.Struct, frozen=True):
    """What a carrier is answered when its message is on disk."""

    status: int
    content_type: str
    body: bytes


class Post(msgspec.Struct, frozen=True):
    """An HTTP POST to a carrier."""

    url: str
    headers: dict[str, str]
    body: bytes


class Dialect(Protocol):
    """One way of speaking with carriers; `path` is where its webhooks arrive."""

    kind: str
    path: str

    def read(self, arrival: Arrival) -> Received:
        """The message in a request. Raises Rejection that names the field."""

    def verify(self, arrival: Arrival, carrier: Carrier, now: float, tolerance: float) -> None:
        """Raise Rejection unless the request was signed with the carrier's secret, at most `tolerance` seconds ago."""

    def accepted(self, identifier: str) -> Answer:
        """What the carrier is told when its message has been accepted under our identifier."""

    def write(self, message: OutboundMessage, carrier: Carrier, now: float) -> Post:
        """The request that hands a message to the carrier. Raises Mistake when its entry does not allow it."""
