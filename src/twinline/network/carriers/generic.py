"""The plain dialect: JSON (or a form) in, JSON out, both signed with HMAC-SHA256 over a time and the body.

`X-Twinline-Signature: t=<seconds since the epoch>,v1=<hexadecimal HMAC of "t.body">`. Several `v1` may be given, so
that a secret can be changed without a gap.
"""

import hashlib
import hmac

import msgspec

from twinline.model.applications import Carrier
from twinline.model.messages import OutboundMessage
from twinline.network.carriers.dialect import Answer, Arrival, Post, Received
from twinline.network.carriers.fields import FIELD_LIMIT, form_pairs, json_fields, text
from twinline.network.problems import Rejection

SIGNATURE_HEADER = "X-Twinline-Signature"


class Signature(msgspec.Struct, frozen=True):
    """A signature header: when it was made (seconds since the epoch) and the digests offered."""

    at: int
    digests: tuple[str, ...]


def sign(secret: str, body: bytes, at: float) -> str:
    """The signature header's value for a body."""
    return f"t={int(at)},v1={_digest(secret, body, int(at))}"


def _digest(secret: str, body: bytes, at: int) -> str:
    return hmac.new(secret.encode(), b"%d.%b" % (at, body), hashlib.sha256).hexdigest()


def parse_signature(header: str) -> Signature:
    """A signature header's parts. Raises Rejection when it is none."""
    at: int | None = None
    digests = []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t" and value.isascii() and value.isdigit() and len(value) <= 12:
            at = int(value)
        elif name == "v1" and value.isascii():
            digests.append(value)
    if at is None or not digests:
        raise Rejection(403, "no signature", where=SIGNATURE_HEADER, mend="send t=<seconds>,v1=<HMAC-SHA256 of t.body>")
    return Signature(at, tuple(digests))


class Generic:
    """The plain dialect."""

    kind = "generic"
    path = "/messages"

    def read(self, arrival: Arrival) -> Received:
        """The message in a JSON object or a form."""
        form = arrival.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        fields: dict[str, object] = {**dict(form_pairs(arrival.body))} if form else json_fields(arrival.body)
        return Received(
            to=text(fields, "to", limit=FIELD_LIMIT),
            sender=text(fields, "from", limit=FIELD_LIMIT),
            text=text(fields, "text"),
            id=text(fields, "id", limit=FIELD_LIMIT),
            network=text(fields, "network", default="SMS", limit=FIELD_LIMIT),
        )

    def verify(self, arrival: Arrival, carrier: Carrier, now: float, tolerance: float) -> None:
        """Check the body's signature and its age."""
        signature = parse_signature(arrival.headers.get(SIGNATURE_HEADER.lower(), ""))
        expected = _digest(carrier.secret, arrival.body, signature.at)
        if not any(hmac.compare_digest(expected, one) for one in signature.digests):
            raise Rejection(
                403,
                "the signature does not fit the body",
                where=SIGNATURE_HEADER,
                mend="sign with the address's secret",
            )
        if abs(now - signature.at) > tolerance:
            raise Rejection(
                403,
                f"signed {abs(now - signature.at):.0f} s away from our clock",
                where=SIGNATURE_HEADER,
                mend=f"sign when sending; {tolerance:.0f} s are allowed",
            )

    def accepted(self, identifier: str) -> Answer:
        """Our identifier, as JSON."""
        return Answer(202, "application/json", msgspec.json.encode({"id": identifier}))

    def write(self, message: OutboundMessage, carrier: Carrier, now: float) -> Post:
        """The message as signed JSON."""
        body = msgspec.json.encode(
            {"id": message.id, "to": message.recipient, "from": message.sender, "text": message.text}
        )
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": message.id,
            SIGNATURE_HEADER: sign(carrier.secret, body, now),
        }
        return Post(carrier.url, headers, body)
