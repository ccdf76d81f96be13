"""Applications as people make them: named, deployed, addressed, twinned.

Comes in: requests of named people. Goes out: records in the store, then published state. Names and addresses are
checked here; what is taken is known by the store.
"""

import asyncio
import re
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from twinline.bus import names
from twinline.control import bundles
from twinline.control.plane import Plane
from twinline.control.schema import ApplicationView, NewAddress, NewApplication, TwinRequest
from twinline.control.store import applications, builds
from twinline.model.applications import Carrier
from twinline.model.builds import Build, Cluster
from twinline.model.errors import Conflict, Mistake
from twinline.release import Interpreters, interpreters

TWIN_SUFFIX = "-twin"

CARRIERS = frozenset({"generic", "twilio"})
"""The dialects that the edge speaks."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,46}[a-z0-9]|[a-z]")
"""As a host name's part (RFC 1123), so that a name can become one; short enough for `-twin`."""

ADDRESS_LIMIT = 255
"""Characters of an address. A SIP URI may be longer, a telephone number has at most 15 digits (E.164)."""


async def create(plane: Plane, request: NewApplication) -> ApplicationView:
    """Make an application. Raises Mistake for a name that cannot be one, Conflict for one that is taken."""
    if not _NAME.fullmatch(request.name) or request.name.endswith(TWIN_SUFFIX):
        raise Mistake(
            "this cannot be the name of an application",
            where=f"name {request.name!r}",
            mend=f"1 to 48 of a-z, 0-9 and -, beginning with a letter, and not ending in {TWIN_SUFFIX}",
        )
    view = await plane.store.write(lambda it: applications.create(it, request.name, request.mode))
    await plane.publisher.publish(names.APPLICATIONS, view.name)
    return view


async def deploy(plane: Plane, name: str, packed: bytes, entry: str, by: str) -> ApplicationView:
    """Make a bundle the live version. Raises NotFound, TooLarge, or Mistake with the script's file and line."""

    def look(transaction: Session) -> Build | None:
        mode = applications.view(transaction, name).mode
        current = builds.pointer(transaction, mode).current
        return None if current is None else builds.get(transaction, current)

    build = await plane.store.read(look)
    version = await bundles.check(packed, entry, await asyncio.to_thread(_programs, build))
    await asyncio.to_thread(bundles.keep, packed, version.digest, plane.settings.bundles)
    await plane.publisher.bundle(version.digest)
    view = await plane.store.write(lambda it: applications.deploy(it, name, version, by))
    await plane.publisher.publish(names.APPLICATIONS, name)
    return view


async def add_address(plane: Plane, name: str, request: NewAddress) -> ApplicationView:
    """Let an address reach an application. Raises Mistake, NotFound, or Conflict naming the application that has it."""
    _check_address(request.address)
    _check_carrier(request.carrier)
    view = await plane.store.write(lambda it: applications.add_address(it, name, request.address, request.carrier))
    await plane.publisher.publish(names.DIRECTORY, names.address_key(request.address))
    return view


async def remove_address(plane: Plane, name: str, address: str) -> ApplicationView:
    """Take an address away. Raises NotFound."""
    view = await plane.store.write(lambda it: applications.remove_address(it, name, address))
    await plane.publisher.publish(names.DIRECTORY, names.address_key(address))
    return view


async def twin(plane: Plane, name: str, request: TwinRequest, by: str) -> ApplicationView:
    """Make the twin of a production application, or bring its code up to date.

    Raises NotFound; Mistake for an application that has no code or is not in production, or when no carrier is known;
    Conflict when another application has the address or the twin's name.
    """
    _check_address(request.address)
    if request.carrier is not None:
        _check_carrier(request.carrier)

    def make(transaction: Session) -> ApplicationView:
        original = applications.view(transaction, name)
        if original.mode is not Cluster.PRODUCTION:
            raise Mistake("only a production application has a twin", where=name, mend="name a production application")
        if original.live is None:
            raise Mistake("the application has no code yet", where=name, mend="deploy it first")
        carrier = (
            request.carrier
            or applications.carrier(transaction, name + TWIN_SUFFIX)
            or applications.carrier(transaction, name)
        )
        if carrier is None:
            raise Mistake("no carrier is known for the twin", where=name, mend="name one, or give the application one")
        known = applications.entries(transaction).get(name + TWIN_SUFFIX)
        if known is None:
            applications.create(transaction, name + TWIN_SUFFIX, Cluster.DEVELOPMENT, twin_of=name)
        elif known.twin_of != name:
            raise Conflict("the twin's name is taken by an application that is no twin", where=known.name)
        if known is None or known.live != original.live:
            applications.deploy(transaction, name + TWIN_SUFFIX, original.live, by)
        return applications.add_address(transaction, name + TWIN_SUFFIX, request.address, carrier)

    view = await plane.store.write(make)
    await plane.publisher.publish(names.APPLICATIONS, view.name)
    await plane.publisher.publish(names.DIRECTORY, names.address_key(request.address))
    return view


def _programs(build: Build | None) -> Interpreters | None:
    """The programs of a build whose folder is there; a lost one is the placement's to complain of."""
    return interpreters(Path(build.path)) if build is not None and Path(build.path).is_dir() else None


def _check_address(address: str) -> None:
    if not address or len(address) > ADDRESS_LIMIT or not address.isprintable() or any(map(str.isspace, address)):
        raise Mistake(
            "this cannot be an address",
            where=f"address {address[:ADDRESS_LIMIT]!r}",
            mend=f"1 to {ADDRESS_LIMIT} printable characters without blanks, such as +15550100",
        )


def _check_carrier(carrier: Carrier) -> None:
    if carrier.kind not in CARRIERS:
        raise Mistake(
            f"no carrier speaks {carrier.kind!r}", where="carrier.kind", mend=f"one of {', '.join(sorted(CARRIERS))}"
        )
    try:
        url = urlsplit(carrier.url)
        sound = url.scheme in ("http", "https") and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        sound = False
    if not sound:
        raise Mistake(
            "replies cannot be sent to this", where="carrier.url", mend="an address such as https://carrier.example/in"
        )
    if not carrier.secret:
        raise Mistake("an empty secret signs nothing", where="carrier.secret", mend="the secret the carrier shares")
