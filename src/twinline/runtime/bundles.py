"""Bundles as folders: fetched once by digest, checked, unpacked, and never changed.

Comes in: a version's digest. Goes out: the folder its files are in. An archive is untrusted: names, kinds and sizes are
checked before anything is written.
"""

import asyncio
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from nats.js.errors import ObjectNotFoundError

from twinline.bus import Bus
from twinline.model.applications import BUNDLE_FILES_LIMIT, BUNDLE_LIMIT
from twinline.model.errors import Mistake, NotFound

UNPACKED_LIMIT = 5 * BUNDLE_LIMIT
"""Bytes of all files of a bundle, so that a small archive cannot fill a disk."""


class Bundles:
    """The unpacked bundles of one worker, in a folder that workers of one machine may share."""

    def __init__(self, bus: Bus, folder: Path) -> None:
        self._bus = bus
        self._folder = folder
        self._fetching: dict[str, asyncio.Task[Path]] = {}

    async def folder_of(self, digest: str) -> Path:
        """The folder of a version's files. Raises Mistake when the archive is not what its digest says."""
        folder = self._folder / digest
        if folder.is_dir():
            return folder
        fetching = self._fetching.get(digest)
        if fetching is None:
            fetching = self._fetching[digest] = asyncio.create_task(self._fetch(digest, folder))
            fetching.add_done_callback(lambda _: self._fetching.pop(digest, None))
        return await asyncio.shield(fetching)

    async def _fetch(self, digest: str, folder: Path) -> Path:
        try:
            stored = await (await self._bus.bundles()).get(digest)
        except ObjectNotFoundError as error:
            raise NotFound("no such bundle is stored", where=f"bundle {digest[:12]}", mend="deploy it again") from error
        packed = stored.data or b""
        if hashlib.sha256(packed).hexdigest() != digest:
            raise Mistake("the stored bundle is not the one that was deployed", where=f"bundle {digest[:12]}")
        await asyncio.to_thread(unpack, packed, folder)
        return folder


def unpack(packed: bytes, folder: Path) -> None:
    """Unpack a bundle (tar.gz) into `folder`, which appears complete or not at all.

    Raises Mistake, naming the member, for anything but plain files and folders inside the archive.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    target = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder.parent))
    try:
        try:
            with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
                _extract(archive, target)
        except (tarfile.TarError, OSError, EOFError) as error:
            raise Mistake(f"not a bundle: {error}", where="bundle", mend="send a gzipped tar archive") from error
        target.chmod(0o755)
        try:
            target.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _extract(archive: tarfile.TarFile, target: Path) -> None:
    total = 0
    for count, member in enumerate(archive, start=1):
        total += member.size
        path = PurePosixPath(member.name)
        if count > BUNDLE_FILES_LIMIT:
            raise Mistake(f"more than {BUNDLE_FILES_LIMIT} files", where="bundle")
        if total > UNPACKED_LIMIT:
            raise Mistake(f"more than {UNPACKED_LIMIT} bytes unpacked", where=f"bundle, {member.name}")
        if path.is_absolute() or ".." in path.parts:
            raise Mistake("a path that leaves the bundle", where=f"bundle, {member.name}")
        place = target.joinpath(*path.parts)
        if member.isdir():
            place.mkdir(parents=True, exist_ok=True)
        elif member.isfile() and (content := archive.extractfile(member)) is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as file:
                shutil.copyfileobj(content, file)
            place.chmod(0o444 | (0o111 if member.mode & 0o100 else 0))
        else:
            raise Mistake("neither a file nor a folder", where=f"bundle, {member.name}", mend="pack files only")
    for folder, _, _ in os.walk(target):
        Path(folder).chmod(0o755)
