"""The normal form of a request's parts: what must be equal for two requests to be the same one.

Comes in: queries and bodies. Goes out: bytes that do not depend on the order of keys or on white space, which differ
between versions of a language without meaning anything.
"""

import json
from urllib.parse import parse_qsl

_SEPARATORS = (",", ":")


def normal_query(query: str) -> tuple[tuple[str, str], ...]:
    """A query's pairs sorted by name; those of the same name keep their order, which means something."""
    pairs = parse_qsl(query, keep_blank_values=True, encoding="latin-1")
    return tuple(sorted(pairs, key=lambda pair: pair[0]))


def normal_body(body: bytes, content_type: str) -> bytes:
    """A JSON or form body in its normal form; any other, and one that does not parse, as it is."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return _normal_json(body)
    if kind == "application/x-www-form-urlencoded":
        return _normal_form(body)
    return body


def _normal_json(body: bytes) -> bytes:
    try:
        return json.dumps(json.loads(body), sort_keys=True, separators=_SEPARATORS).encode()
    except (ValueError, RecursionError):
        return body


def _normal_form(body: bytes) -> bytes:
    try:
        return json.dumps(normal_query(body.decode("ascii")), separators=_SEPARATORS).encode()
    except ValueError:
        return body
