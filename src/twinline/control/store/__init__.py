"""The record: everything decided and everything that happened, in a database that only the control plane opens.

Comes in: a data folder. Goes out: a `Store`, and in each file beside `tables` the plain functions that read and write
one kind of record within a transaction of it. Public face: `Store`, `open_store`.
"""

from twinline.control.store.database import Store, open_store

__all__ = ["Store", "open_store"]
