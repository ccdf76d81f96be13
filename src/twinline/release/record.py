"""What a build says of itself: `build.json` in its folder, and the digest that names the folder.

Comes in: what a build was made of and what was found in it afterwards. Goes out: a frozen `Record`, and its JSON.
"""

import hashlib
from pathlib import Path

import msgspec

from twinline.model.errors import NotFound, Refused
from twinline.release.significance import Contents

RECORD = "build.json"
FILES = "files.json"
MANIFEST = "manifest.toml"
RUNTIME_LOCK = "runtime.lock"
PYTHON_LOCK = "python.lock"
WHEEL_FOLDER = "wheel"


class Ingredients(msgspec.Struct, frozen=True):
    """Everything that decides what a build is. Hashes are SHA-256 in hexadecimal; `own_python` and `hosted_python` are
    the exact versions of the interpreters, which are not in the locks."""

    manifest: str
    runtime_lock: str
    python_lock: str
    wheel: str
    own_python: str
    hosted_python: str


class Record(msgspec.Struct, frozen=True):
    """A made build. `wheel_name` is kept in the build's folder; `files` is the hash of its list of files."""

    digest: str
    contents: Contents
    wheel: str
    wheel_name: str
    own_python: str
    hosted_python: str
    files: str
    format: int = 1


def digest_of(ingredients: Ingredients) -> str:
    """The name of the build that these make: SHA-256 in hexadecimal."""
    return hashlib.sha256(msgspec.json.encode(ingredients, order="deterministic")).hexdigest()


def read_record(folder: Path) -> Record:
    """What the build in this folder says of itself. Raises NotFound without one, Refused when it cannot be read."""
    path = folder / RECORD
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError as error:
        raise NotFound("there is no build", where=str(folder), mend="make it: `twinline build create`") from error
    except (OSError, msgspec.DecodeError) as error:
        raise Refused(f"changed: {RECORD} cannot be read ({error})", where=str(folder)) from error
