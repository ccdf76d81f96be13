"""The dialect of Twilio's Messaging webhooks and its Messages resource, so that tools made for them can drive us.

In: a form with From, To, Body and MessageSid, signed by `X-Twilio-Signature`: the base64 HMAC-SHA1, under the account's
token (the carrier's secret), of the URL followed by every field's name and value in order of the names. Out: a form to
`…/Accounts/<account>/Messages.json` with the account and the token as Basic authentication.
"""

import base64
import hashlib
import hmac
import re
from urllib.parse import urlencode, urlsplit

from twinline.model.applications import Carrier
from twinline.model.errors import Mistake
from twinline.model.messages import OutboundMessage
from twinline.network.carriers.dialect import Answer, Arrival, Post, Received
from twinline.network.carriers.fields import FIELD_LIMIT, form_pairs, text
from twinline.network.problems import Rejection

SIGNATURE_HEADER = "X-Twilio-Signature"

_ACCOUNT = re.compile(r"/Accounts/([A-Za-z0-9]+)/Messages\.json$")

_TWIML = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'


def sign(secret: str, url: str, pairs: list[tuple[str, str]]) -> str:
    """The signature of a webhook call."""
    signed = url + "".join(name + value for name, value in sorted(set(pairs)))
    return base64.b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha1).digest()).decode()


class Twilio:
    """Twilio's dialect."""

    kind = "twilio"
    path = "/carriers/twilio"

    def read(self, arrival: Arrival) -> Received:
        """The message in a webhook's form. Other channels than SMS show as a prefix, such as `whatsapp:`."""
        fields = dict(form_pairs(arrival.body))
        sender = text(fields, "From", limit=FIELD_LIMIT)
        channel, colon, _ = sender.partition(":")
        return Received(
            to=text(fields, "To", limit=FIELD_LIMIT),
            sender=sender,
            text=text(fields, "Body", default=""),
            id=text(fields, "MessageSid", limit=FIELD_LIMIT),
            network=channel.upper() if colon else "SMS",
        )

    def verify(self, arrival: Arrival, carrier: Carrier, now: float, tolerance: float) -> None:
        """Check the signature. It carries no time: a repetition is recognised by its MessageSid instead."""
        given = arrival.headers.get(SIGNATURE_HEADER.lower(), "")
        expected = sign(carrier.secret, arrival.url, form_pairs(arrival.body))
        if not hmac.compare_digest(expected.encode(), given.encode(errors="replace")):
            raise Rejection(
                403,
                "the signature does not fit the request" if given else "no signature",
                where=SIGNATURE_HEADER,
                mend=f"sign with the address's secret, for the URL {arrival.url}",
            )

    def accepted(self, identifier: str) -> Answer:
        """TwiML that does nothing: replies go out by themselves."""
        return Answer(200, "text/xml", _TWIML)

    def write(self, message: OutboundMessage, carrier: Carrier, now: float) -> Post:
        """The message as a new Messages resource."""
        account = _ACCOUNT.search(urlsplit(carrier.url).path)
        if account is None:
            raise Mistake(
                "the carrier's URL names no account",
                where=f"carrier of address {message.address}",
                mend="…/2010-04-01/Accounts/<account>/Messages.json",
            )
        form = {"From": message.sender, "To": message.recipient, "Body": message.text}
        token = base64.b64encode(f"{account[1]}:{carrier.secret}".encode()).decode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": f"Basic {token}",
            "Idempotency-Key": message.id,
            "I-Twilio-Idempotency-Token": message.id,
        }
        return Post(carrier.url, headers, urlencode(form).encode())
