"""The fields of a carrier's request body, JSON or form.

Comes in: bytes from outside. Goes out: text by field name, or a Rejection that names what is wrong.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec

from twinline.network.problems import Rejection

FIELD_LIMIT = 256
"""Characters of an address or identifier. A SIP URI in the wild stays under 255 (RFC 3261 sets no limit)."""

FIELDS_LIMIT = 200
"""Fields of a form. Twilio sends about 30."""


def json_fields(body: bytes) -> dict[str, object]:
    """The members of a JSON object."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejection(400, f"no JSON: {error}", where="body", mend="send one JSON object") from error
    if not isinstance(document, dict):
        raise Rejection(400, "JSON, but no object", where="body", mend="send one JSON object")
    return document


def form_pairs(body: bytes) -> list[tuple[str, str]]:
    """The names and values of a form, as often and in the order they were sent."""
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=FIELDS_LIMIT,
        )
    except ValueError as error:
        raise Rejection(400, f"no form: {error}", where="body", mend="send name=value pairs, encoded") from error


def text(fields: Mapping[str, object], name: str, *, default: str | None = None, limit: int | None = None) -> str:
    """A field's text. With a limit it names something: neither empty nor longer."""
    value = fields.get(name, default)
    if value is None:
        raise Rejection(400, "missing", where=name, mend="send it")
    if not isinstance(value, str):
        raise Rejection(400, "no text", where=name, mend="send a string")
    if limit is not None and not value:
        raise Rejection(400, "empty", where=name, mend="send a value")
    if limit is not None and len(value) > limit:
        raise Rejection(400, f"{len(value)} characters", where=name, mend=f"at most {limit}")
    return value
