"""The place of an application that is a URL: the file its bundle consists of.

Comes in: the bundle's entry, a JSON file such as `{"url": "https://app.example/tropo"}`. Goes out: a checked `Place`,
or a Mistake. The file makes the version immutable as a script does: another URL is another bundle.
"""

from urllib.parse import urlsplit

import msgspec

from twinline.model.errors import Mistake

URL_LIMIT = 2_048
"""Characters of a URL. Browsers and proxies stop at about this length."""

_MEND = 'as in {"url": "https://app.example/tropo"}'


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an application answers."""

    url: str


def read_place(content: bytes, file: str) -> Place:
    """The place that a bundle's entry names. Raises Mistake naming `file`."""
    try:
        place = msgspec.json.decode(content, type=Place)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Mistake(f"the file does not say where the application is: {error}", where=file, mend=_MEND) from error
    if not is_web_address(place.url):
        raise Mistake("the application cannot be asked there", where=f"{file}, url", mend=_MEND)
    return place


def is_web_address(url: str) -> bool:
    """Whether HTTP can ask at this address, without a name and password in it."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return sound and "@" not in parts.netloc and len(url) <= URL_LIMIT and not any(map(str.isspace, url))
