"""API keys in the store: the secret leaves once, only its hash stays.

Comes in: names of people and programs, secrets that requests carry. Goes out: keys, and the name a secret belongs to.
"""

import hashlib
import secrets
import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from twinline.control.schema import Key
from twinline.control.store.tables import KeyRow
from twinline.model.errors import NotFound

SECRET_BYTES = 32
"""Random bytes of a secret: too many to guess, so that a fast hash is enough and a request costs microseconds."""

PREFIX = "twinline_"
"""Begins every secret, so that a scanner of leaked secrets can know one."""


def create(transaction: Session, name: str) -> Key:
    """Make a key; the answer alone holds its secret."""
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    row = KeyRow(name=name, digest=_digest(secret), created_at=time.time())
    transaction.add(row)
    transaction.flush()
    return Key(row.id, row.name, row.created_at, secret)


def every(transaction: Session) -> list[Key]:
    """The keys in use, oldest first."""
    found = transaction.scalars(select(KeyRow).where(KeyRow.revoked_at.is_(None)).order_by(KeyRow.id))
    return [Key(row.id, row.name, row.created_at) for row in found]


def revoke(transaction: Session, number: int) -> None:
    """Make a key worthless. Raises NotFound when there is none of this number in use."""
    row = transaction.get(KeyRow, number) if 0 < number < 2**63 else None
    if row is None or row.revoked_at is not None:
        raise NotFound("there is no such key", where=f"key {number}", mend="look at the list of keys")
    row.revoked_at = time.time()


def holder(transaction: Session, secret: str) -> str | None:
    """Whose key a secret is; None when it opens nothing."""
    return transaction.scalar(select(KeyRow.name).where(KeyRow.digest == _digest(secret), KeyRow.revoked_at.is_(None)))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
