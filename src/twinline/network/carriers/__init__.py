"""The dialects that carriers speak. A new one is a module with a `Dialect` in it and a line in `_DIALECTS`.

Comes in: HTTP requests as carriers send them, replies as sessions make them. Goes out: the same in our words and
theirs. Nothing here talks to the network.
"""

from twinline.model.applications import Carrier
from twinline.model.errors import Mistake
from twinline.network.carriers import generic, twilio
from twinline.network.carriers.dialect import Arrival, Dialect, Post, Received

_DIALECTS: dict[str, Dialect] = {one.kind: one for one in (generic.Generic(), twilio.Twilio())}

KINDS = tuple(_DIALECTS)
"""What `Carrier.kind` may be."""

__all__ = ["KINDS", "Arrival", "Dialect", "Post", "Received", "dialect", "dialect_of"]


def dialect(kind: str) -> Dialect:
    """The dialect of a kind. Raises Mistake when there is none."""
    try:
        return _DIALECTS[kind]
    except KeyError:
        raise Mistake(f"no carrier of kind {kind!r}", where="carrier.kind", mend=f"one of {', '.join(KINDS)}") from None


def dialect_of(carrier: Carrier) -> Dialect:
    """The dialect a carrier speaks. Raises Mistake when there is none of its kind."""
    return dialect(carrier.kind)
