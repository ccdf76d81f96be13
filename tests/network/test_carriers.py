"""The dialects: what they read, how they trust, what they write, and that no bytes from outside surprise them."""

import contextlib
from urllib.parse import parse_qs, urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinline.model.applications import Carrier
from twinline.model.errors import Mistake
from twinline.model.messages import OutboundMessage
from twinline.network.carriers import KINDS, Arrival, Received, dialect
from twinline.network.carriers.generic import SIGNATURE_HEADER, Generic, parse_signature, sign
from twinline.network.carriers.twilio import Twilio
from twinline.network.carriers.twilio import sign as sign_twilio
from twinline.network.problems import Rejection

NOW = 1_700_000_000.0
CARRIER = Carrier("generic", "https://carrier.example/messages", "secret")
TWILIO = Carrier("twilio", "https://api.example/2010-04-01/Accounts/AC42/Messages.json", "12345")
REPLY = OutboundMessage("r1", "s1", "shop", "+1", "+1", "+2", "Grüße & mehr", "SMS")


def signed(body: bytes, *, at: float = NOW, secret: str = "secret", form: bool = False) -> Arrival:
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    return Arrival("http://x/messages", {"content-type": kind, SIGNATURE_HEADER.lower(): sign(secret, body, at)}, body)


@pytest.mark.parametrize("form", [False, True])
def test_the_plain_dialect_reads_json_and_forms(form: bool) -> None:
    fields = {"to": "+1", "from": "+2", "text": "Grüße & mehr", "id": "m1"}
    body = urlencode(fields).encode() if form else msgspec.json.encode(fields)
    received = Generic().read(signed(body, form=form))
    assert (received.to, received.sender, received.text, received.id) == ("+1", "+2", "Grüße & mehr", "m1")
    assert received.network == "SMS"


@pytest.mark.parametrize("missing", ["to", "from", "text", "id"])
def test_a_missing_field_is_named(missing: str) -> None:
    fields = {"to": "+1", "from": "+2", "text": "hi", "id": "m1"}
    del fields[missing]
    with pytest.raises(Rejection) as caught:
        Generic().read(signed(msgspec.json.encode(fields)))
    assert (caught.value.status, caught.value.where) == (400, missing)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b"null", b'"text"', b"[" * 60_000, b"\xff\xfe", b'{"to": "\\ud800"}']
)
def test_a_body_that_is_no_json_object_is_rejected_as_such(body: bytes) -> None:
    with pytest.raises(Rejection) as caught:
        Generic().read(signed(body))
    assert (caught.value.status, caught.value.where) == (400, "body")


@given(body=st.binary(max_size=200), at=st.floats(NOW - 299, NOW + 299))
def test_what_was_signed_with_the_secret_is_trusted(body: bytes, at: float) -> None:
    Generic().verify(signed(body, at=at), CARRIER, NOW, 300.0)


@given(body=st.binary(min_size=1, max_size=200), data=st.data())
def test_a_changed_byte_is_noticed(body: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(body) - 1))
    changed = body[:place] + bytes([body[place] ^ data.draw(st.integers(1, 255))]) + body[place + 1 :]
    arrival = msgspec.structs.replace(signed(body), body=changed)
    with pytest.raises(Rejection, match="does not fit"):
        Generic().verify(arrival, CARRIER, NOW, 300.0)


def test_an_old_signature_is_refused() -> None:
    with pytest.raises(Rejection, match="from our clock") as caught:
        Generic().verify(signed(b"x", at=NOW - 301), CARRIER, NOW, 300.0)
    assert caught.value.status == 403


def test_one_fitting_signature_of_several_is_enough() -> None:
    header = f"{sign('old secret', b'x', NOW)},{sign('secret', b'x', NOW).split(',')[1]}"
    Generic().verify(Arrival("", {SIGNATURE_HEADER.lower(): header}, b"x"), CARRIER, NOW, 300.0)


@given(st.one_of(st.text(), st.from_regex(r"(t=\d*,?|v1=[0-9a-f]*,?| |,|x=)*", fullmatch=True)))
def test_any_signature_header_is_read_or_rejected(header: str) -> None:
    with contextlib.suppress(Rejection):
        assert parse_signature(header).digests


@given(body=st.one_of(st.binary(), st.text().map(str.encode)), content_type=st.sampled_from(["", "application/json"]))
def test_any_json_body_is_read_or_rejected(body: bytes, content_type: str) -> None:
    with contextlib.suppress(Rejection):
        Generic().read(Arrival("", {"content-type": content_type}, body))


_json = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=3)


def read_or_rejected(arrival: Arrival) -> Received | Rejection:
    try:
        return Generic().read(arrival)
    except Rejection as rejection:
        return rejection


@given(st.dictionaries(st.sampled_from(["to", "from", "text", "id", "network", "else"]), _json))
def test_any_json_object_is_read_or_its_field_named(fields: dict[str, object]) -> None:
    outcome = read_or_rejected(signed(msgspec.json.encode(fields)))
    if isinstance(outcome, Rejection):
        assert outcome.where in ("to", "from", "text", "id", "network")
    else:
        assert outcome.text == fields["text"]


@given(st.one_of(st.binary(), st.from_regex(rb"([a-zA-Z]+=[%0-9a-f+]*&?)*", fullmatch=True)))
def test_any_form_is_read_or_rejected(body: bytes) -> None:
    for reader in (Generic(), Twilio()):
        with contextlib.suppress(Rejection):
            reader.read(Arrival("", {"content-type": "application/x-www-form-urlencoded"}, body))


def test_a_reply_is_written_as_signed_json() -> None:
    post = Generic().write(REPLY, CARRIER, NOW)
    assert msgspec.json.decode(post.body) == {"id": "r1", "to": "+2", "from": "+1", "text": "Grüße & mehr"}
    assert post.headers["Idempotency-Key"] == "r1"
    headers = {name.lower(): value for name, value in post.headers.items()}
    Generic().verify(Arrival("", headers, post.body), CARRIER, NOW, 300.0)


def test_twilios_signature_is_the_one_that_twilio_makes() -> None:
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
        "Caller": "+14158675309",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert sign_twilio("12345", url, list(fields.items())) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_a_twilio_webhook_is_read_and_trusted() -> None:
    fields = {"From": "whatsapp:+2", "To": "+1", "Body": "hé", "MessageSid": "SM1", "NumMedia": "0"}
    url = "https://twinline.example/carriers/twilio"
    signature = sign_twilio("12345", url, list(fields.items()))
    arrival = Arrival(url, {"x-twilio-signature": signature}, urlencode(fields).encode())
    received = Twilio().read(arrival)
    assert (received.sender, received.text, received.network) == ("whatsapp:+2", "hé", "WHATSAPP")
    Twilio().verify(arrival, TWILIO, NOW, 300.0)
    elsewhere = msgspec.structs.replace(arrival, url="https://other.example/carriers/twilio")
    with pytest.raises(Rejection, match="does not fit") as caught:
        Twilio().verify(elsewhere, TWILIO, NOW, 300.0)
    assert caught.value.status == 403


def test_a_reply_to_twilio_is_a_form_with_the_account_from_the_url() -> None:
    post = Twilio().write(REPLY, TWILIO, NOW)
    assert parse_qs(post.body.decode()) == {"From": ["+1"], "To": ["+2"], "Body": ["Grüße & mehr"]}
    assert post.headers["Authorization"] == "Basic QUM0MjoxMjM0NQ=="
    assert post.headers["I-Twilio-Idempotency-Token"] == "r1"


def test_a_twilio_url_without_an_account_is_a_mistake_with_its_place() -> None:
    with pytest.raises(Mistake, match="names no account") as caught:
        Twilio().write(REPLY, msgspec.structs.replace(TWILIO, url="https://api.example/messages"), NOW)
    assert "Messages.json" in caught.value.mend


def test_an_unknown_kind_is_a_mistake_that_names_those_there_are() -> None:
    with pytest.raises(Mistake, match="pigeon") as caught:
        dialect("pigeon")
    assert all(kind in caught.value.mend for kind in KINDS)
