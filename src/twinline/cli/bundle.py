"""Packing an application's folder into the bundle that is sent.

Comes in: a folder. Goes out: a gzipped tar archive that is the same, byte for byte, for the same files: sorted names,
no owners, no times. So deploying unchanged code makes no new version.
"""

import gzip
import io
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from twinline.model.applications import BUNDLE_FILES_LIMIT, BUNDLE_LIMIT, LANGUAGE_BY_SUFFIX, Language
from twinline.model.errors import Mistake

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

LEFT_OUT = frozenset({".git", ".hg", ".svn", ".venv", ".mypy_cache", ".ruff_cache", "__pycache__", ".DS_Store"})
"""Files and folders that are the developer's and never the application's."""

ENTRIES = (
    *(f"main{suffix}" for suffix, language in LANGUAGE_BY_SUFFIX.items() if language is not Language.WEB),
    "webapi.json",
)
"""What the first script is called when nobody says, or the file that says where the application is."""


def find_entry(folder: Path) -> str:
    """The first script of a folder by its usual name. Raises Mistake when there is none, or more than one."""
    found = [name for name in ENTRIES if (folder / name).is_file()]
    if len(found) == 1:
        return found[0]
    what = "has no " + " or ".join(ENTRIES) if not found else "has both " + " and ".join(found)
    raise Mistake(what, where=str(folder), mend="say which script comes first with --entry")


def pack(folder: Path) -> bytes:
    """The folder as a bundle.

    Raises Mistake for what is no folder, holds links or special files, or is over the limits on files or packed bytes.
    """
    if not folder.is_dir():
        raise Mistake("is not a folder", where=str(folder), mend="give the folder that holds the application's script")
    buffer = _Limited(folder)
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", filename="", mtime=0, compresslevel=9) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for count, path in enumerate(_files(folder), start=1):
            if count > BUNDLE_FILES_LIMIT:
                raise Mistake(f"holds more than {BUNDLE_FILES_LIMIT:,} files", where=str(folder), mend=_MEND)
            _add(archive, path, path.relative_to(folder).as_posix())
    return buffer.getvalue()


_MEND = "deploy only the folder with the application's own code"


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        for name in sorted(files) + folders:
            path = Path(parent, name)
            if path.is_symlink() or (name in files and not path.is_file()):
                raise Mistake("is a link or a special file", where=str(path), mend="put a plain file in its place")
            if name in files and name not in LEFT_OUT and not name.endswith(".pyc"):
                found.append(path)
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    entry = tarfile.TarInfo(name)
    status = path.stat()
    entry.size = status.st_size
    entry.mode = 0o755 if status.st_mode & 0o100 else 0o644
    with path.open("rb") as content:
        archive.addfile(entry, content)


class _Limited(io.BytesIO):
    """Refuses the byte that goes over the limit, so that a folder of gigabytes is not read to its end."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def write(self, data: "ReadableBuffer", /) -> int:
        if self.tell() + memoryview(data).nbytes > BUNDLE_LIMIT:
            limit = f"is over {BUNDLE_LIMIT // 1024 // 1024} MiB when packed"
            raise Mistake(limit, where=str(self._folder), mend=_MEND)
        return super().write(data)
