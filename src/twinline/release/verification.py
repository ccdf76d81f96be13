"""Is a build still what was made? Every file is hashed at start (`docs/decisions/0004-build-verification.md`).

Comes in: a build's folder. Goes out: its record, or a `Refused` that names the files that were changed, are missing or
were added.
"""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from twinline.model.errors import Refused, Trouble
from twinline.release.programs import interpreters, python_version
from twinline.release.record import (
    FILES,
    MANIFEST,
    PYTHON_LOCK,
    RECORD,
    RUNTIME_LOCK,
    Ingredients,
    Record,
    digest_of,
    read_record,
)

THREADS = 2
"""Hashing runs outside the interpreter lock; more threads than this only wait for it between small files."""

NAMED = 5
"""Files named in a refusal; the rest are counted."""

_CHUNK = 1 << 20


def verify(folder: Path) -> Record:
    """Check every file of a build and the Pythons it stands on.

    Raises NotFound when there is no build, Refused when it is not the one that was made.
    """
    record = read_record(folder)
    try:
        listed = (folder / FILES).read_bytes()
    except OSError as error:
        raise _refused(folder, [f"missing: {FILES}"]) from error
    if hashlib.sha256(listed).hexdigest() != record.files:
        raise _refused(folder, [f"changed: {FILES}"])
    expected = msgspec.json.decode(listed, type=dict[str, str])
    try:
        found = list_files(folder)
    except OSError as error:
        raise _refused(folder, [f"unreadable: {error.filename}"]) from error
    wrong = list(_differences(expected, found))
    if wrong:
        raise _refused(folder, wrong)
    if digest_of(_ingredients(folder, record)) != record.digest or folder.resolve().name != record.digest:
        raise _refused(folder, [f"changed: {RECORD} (its digest is not that of what the build was made of)"])
    _check_pythons(folder, record)
    return record


def list_files(folder: Path) -> dict[str, str]:
    """Every file of a build by its path: SHA-256 in hexadecimal, or the target of a link.

    The list and the record themselves are left out.
    """
    files: list[str] = []
    listed: dict[str, str] = {}
    for entry in _walk(folder):
        name = os.path.relpath(entry.path, folder)
        if entry.is_symlink():
            listed[name] = f"link to {os.readlink(entry.path)}"
        elif entry.is_file():
            files.append(name)
        else:
            listed[name] = "no regular file"
    with ThreadPoolExecutor(THREADS) as threads:
        hashes = threads.map(lambda name: _hash(folder / name), files, chunksize=64)
        listed.update(zip(files, hashes, strict=True))
    for own in (RECORD, FILES):
        listed.pop(own, None)
    return listed


def _walk(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
            else:
                yield entry


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while block := os.read(descriptor, _CHUNK):
            digest.update(block)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def _differences(expected: dict[str, str], found: dict[str, str]) -> Iterator[str]:
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield f"missing: {name}"
        elif name not in expected:
            yield f"added: {name}"
        elif expected[name] != found[name]:
            yield f"changed: {name}"


def _ingredients(folder: Path, record: Record) -> Ingredients:
    return Ingredients(
        manifest=(folder / MANIFEST).read_bytes().decode(),
        runtime_lock=(folder / RUNTIME_LOCK).read_text(),
        python_lock=(folder / PYTHON_LOCK).read_text(),
        wheel=record.wheel,
        own_python=record.own_python,
        hosted_python=record.hosted_python,
    )


def _check_pythons(folder: Path, record: Record) -> None:
    programs = interpreters(folder)
    for program, version in ((programs.own, record.own_python), (programs.python, record.hosted_python)):
        target = program.resolve()
        try:
            now = python_version(program)
        except Trouble as error:
            raise Refused(
                f"Python {version} is no longer at {target}",
                where=str(program),
                mend=f"install Python {version} again, or make a new build with the one that is there",
            ) from error
        if now != version:
            raise Refused(
                f"the Python at {target} is now {now}, the build was made with {version}",
                where=str(program),
                mend=f"install Python {version} again, or make a new build with {now}",
            )


def _refused(folder: Path, wrong: list[str]) -> Refused:
    more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    return Refused(
        f"the build is not what was made: {', '.join(wrong[:NAMED])}{more}",
        where=str(folder),
        mend="a build is never edited; move the folder away and make the build again",
    )
