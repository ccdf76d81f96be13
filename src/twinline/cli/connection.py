"""Where the platform is, and with which key to speak to it.

Comes in: the global options, and the files that `twinline up` leaves in its data folder. Goes out: a client of the HTTP
API, or a sentence that says what is missing.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer

from twinline.model.errors import Trouble

if TYPE_CHECKING:
    from twinline.control.client import Client


class PlatformFile(msgspec.Struct, frozen=True):
    """`platform.json`, written by `twinline up`: the addresses of the API, the edge and the bus."""

    api: str
    edge: str = ""
    nats: str = ""


class Reach(msgspec.Struct, frozen=True):
    """The global options: the API's address and key when they were said, and the data folder to look in otherwise."""

    data: Path
    url: str | None = None
    api_key: str | None = None


def reach(context: typer.Context) -> Reach:
    """The global options of this invocation."""
    found = context.find_object(Reach)
    if found is None:
        raise Trouble("the command was started without its global options")
    return found


def client(context: typer.Context) -> "Client":
    """A client of the platform that the options, or the data folder, name; closed when the command ends.

    Raises Trouble when neither says where the platform is or which key to use.
    """
    # The HTTP library takes a quarter of a second to import: help and usage errors do without.
    from twinline.control.client import Client  # noqa: PLC0415

    options = reach(context)
    api = Client(options.url or _address(options.data), options.api_key or _key(options.data))
    return context.with_resource(api)


def _address(data: Path) -> str:
    file = data / "platform.json"
    try:
        return msgspec.json.decode(file.read_bytes(), type=PlatformFile).api
    except FileNotFoundError:
        mend = "start one with `twinline up`, or say where it is with --url or --data"
        raise Trouble("no platform is known here", where=str(file), mend=mend) from None
    except msgspec.DecodeError as error:
        mend = "`twinline up` writes it anew at its next start"
        raise Trouble(f"not a platform file: {error}", where=str(file), mend=mend) from error


def _key(data: Path) -> str:
    file = data / "api-key"
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        mend = "give one with --api-key or TWINLINE_API_KEY"
        raise Trouble(f"no API key: {error.strerror}", where=str(file), mend=mend) from error
