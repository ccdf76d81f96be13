"""Applications, their versions, deployments and addresses in the store.

Comes in: a transaction, and what was asked for. Goes out: views for people, entries for the bus; Mistakes that name the
application or address.
"""

import time

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from twinline.control.schema import ApplicationView
from twinline.control.store.tables import AddressRow, ApplicationRow, DeploymentRow, VersionRow
from twinline.model.applications import AddressEntry, ApplicationEntry, Carrier, Version
from twinline.model.builds import Cluster
from twinline.model.errors import Conflict, NotFound


def create(transaction: Session, name: str, mode: Cluster, twin_of: str | None = None) -> ApplicationView:
    """Make an application with nothing deployed. Raises Conflict when the name is taken."""
    if transaction.get(ApplicationRow, name) is not None:
        raise Conflict("there is an application of this name already", where=name, mend="choose another name")
    transaction.add(ApplicationRow(name=name, mode=mode, twin_of=twin_of, live=None, created_at=time.time()))
    transaction.flush()
    return view(transaction, name)


def view(transaction: Session, name: str) -> ApplicationView:
    """An application as people see it. Raises NotFound."""
    return _view(transaction, _row(transaction, name))


def views(transaction: Session) -> list[ApplicationView]:
    """Every application, by name."""
    return [
        _view(transaction, row) for row in transaction.scalars(select(ApplicationRow).order_by(ApplicationRow.name))
    ]


def deploy(transaction: Session, name: str, version: Version, by: str) -> ApplicationView:
    """Make `version` the live one. Raises NotFound."""
    application = _row(transaction, name)
    kept = transaction.scalar(
        select(VersionRow).where(VersionRow.digest == version.digest, VersionRow.entry == version.entry)
    )
    now = time.time()
    if kept is None:
        kept = VersionRow(digest=version.digest, entry=version.entry, language=version.language, created_at=now)
        transaction.add(kept)
        transaction.flush()
    transaction.add(DeploymentRow(application=name, version=kept.id, by=by, at=now))
    application.live, application.deployed_at = kept.id, now
    transaction.flush()
    return _view(transaction, application)


def add_address(transaction: Session, name: str, address: str, carrier: Carrier) -> ApplicationView:
    """Let an address reach an application, or change its carrier. Raises Conflict when another application has it."""
    application = _row(transaction, name)
    row = transaction.get(AddressRow, address)
    if row is not None and row.application != name:
        raise Conflict(
            f"the address belongs to the application {row.application}",
            where=address,
            mend="take it from that application first, or choose another",
        )
    if row is None:
        row = AddressRow(address=address, application=name, created_at=time.time())
        transaction.add(row)
    row.carrier, row.url, row.secret = carrier.kind, carrier.url, carrier.secret
    transaction.flush()
    return _view(transaction, application)


def remove_address(transaction: Session, name: str, address: str) -> ApplicationView:
    """Take an address away. Raises NotFound when the application has no such address."""
    application = _row(transaction, name)
    row = transaction.get(AddressRow, address)
    if row is None or row.application != name:
        raise NotFound(f"the application {name} has no such address", where=address)
    transaction.execute(delete(AddressRow).where(AddressRow.address == address))
    return _view(transaction, application)


def carrier(transaction: Session, name: str) -> Carrier | None:
    """The carrier of an application's oldest address."""
    row = transaction.scalar(
        select(AddressRow).where(AddressRow.application == name).order_by(AddressRow.created_at, AddressRow.address)
    )
    return None if row is None else _carrier(row)


def entries(transaction: Session) -> dict[str, ApplicationEntry]:
    """Published state of every application, by its name."""
    found = transaction.execute(
        select(ApplicationRow, VersionRow).outerjoin(VersionRow, ApplicationRow.live == VersionRow.id)
    )
    return {row.name: ApplicationEntry(row.name, row.mode, _version(version), row.twin_of) for row, version in found}


def directory(transaction: Session) -> dict[str, AddressEntry]:
    """Published state of every address, by the address."""
    return {
        row.address: AddressEntry(row.address, row.application, _carrier(row))
        for row in transaction.scalars(select(AddressRow))
    }


def digests(transaction: Session) -> set[str]:
    """The bundles that some application runs now."""
    live = select(VersionRow.digest).join(ApplicationRow, ApplicationRow.live == VersionRow.id)
    return set(transaction.scalars(live))


def _row(transaction: Session, name: str) -> ApplicationRow:
    row = transaction.get(ApplicationRow, name)
    if row is None:
        raise NotFound("there is no application of this name", where=name, mend="look at the list of applications")
    return row


def _view(transaction: Session, row: ApplicationRow) -> ApplicationView:
    live = None if row.live is None else transaction.get_one(VersionRow, row.live)
    addresses = transaction.scalars(
        select(AddressRow.address).where(AddressRow.application == row.name).order_by(AddressRow.created_at)
    )
    return ApplicationView(row.name, row.mode, _version(live), row.twin_of, tuple(addresses), row.deployed_at)


def _version(row: VersionRow | None) -> Version | None:
    return None if row is None else Version(row.digest, row.entry, row.language)


def _carrier(row: AddressRow) -> Carrier:
    return Carrier(row.carrier, row.url, row.secret)
