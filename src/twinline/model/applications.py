"""Applications, their versions and addresses, as published to edges and workers.

Comes in: what the control plane decided. Goes out: frozen structs kept in the bus's key-value buckets.
"""

from enum import StrEnum

import msgspec

from twinline.model.builds import Cluster

BUNDLE_LIMIT = 10 * 1024 * 1024
"""Bytes of a packed bundle. Heroku's slug limit is 500 MB for whole applications; a telephone script is far smaller."""

BUNDLE_FILES_LIMIT = 2_000
"""Files of one bundle, so that an archive of empty names cannot fill a disk."""


class Language(StrEnum):
    """What a hosted script is written in; `web`: nothing is hosted, and the entry says where the application is."""

    PYTHON = "python"
    JAVASCRIPT = "javascript"
    WEB = "web"


LANGUAGE_BY_SUFFIX = {".py": Language.PYTHON, ".js": Language.JAVASCRIPT, ".json": Language.WEB}
"""The language is taken from the entry file's extension, as Tropo did."""


class Version(msgspec.Struct, frozen=True):
    """An immutable bundle. `digest` is the SHA-256 of the packed bundle (hexadecimal); `entry` its first script."""

    digest: str
    entry: str
    language: Language


class ApplicationEntry(msgspec.Struct, frozen=True):
    """Published state of one application: its mode and its live version (None: nothing deployed yet).

    `twin_of` names the production application whose code a twin carries.
    """

    name: str
    mode: Cluster
    live: Version | None
    twin_of: str | None = None


class Carrier(msgspec.Struct, frozen=True):
    """How messages of an address leave and how those that arrive are trusted.

    `kind` is the dialect ("generic" or "twilio"); `url` takes the replies; `secret` signs both directions.
    """

    kind: str
    url: str
    secret: str


class AddressEntry(msgspec.Struct, frozen=True):
    """Published state of one address: which application it reaches, and by which carrier."""

    address: str
    application: str
    carrier: Carrier
