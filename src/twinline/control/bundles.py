"""Bundles as they are deployed: checked before anything is changed, kept by their digest.

Comes in: a packed bundle and the name of its first script. Goes out: a `Version`, or a Mistake that names the file and
line. The archive and its scripts are untrusted: scripts are parsed in a process of their own, never run.
"""

import asyncio
import hashlib
import os
import re
import sys
import tempfile
from pathlib import Path, PurePosixPath

import msgspec

from twinline.control.problems import TooLarge
from twinline.model.applications import BUNDLE_LIMIT, LANGUAGE_BY_SUFFIX, Language, Version
from twinline.model.errors import Mistake, Trouble
from twinline.model.webapi import read_place
from twinline.release import Interpreters
from twinline.runtime.bundles import unpack

CHECK_SECONDS = 10.0
"""Longest time that parsing a bundle's scripts may take. CPython parses 10 MB in about four."""

CHECK_MEMORY = 1024 * 1024 * 1024
"""Bytes of memory for parsing in Python; a syntax tree takes a hundred times its source."""

_PYTHON_CHECK = """
import os, resource, sys, tokenize, warnings
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
warnings.simplefilter("ignore")
for folder, _, names in os.walk("."):
    for name in sorted(names):
        path = os.path.normpath(os.path.join(folder, name))
        if not name.endswith(".py"):
            continue
        try:
            with tokenize.open(path) as file:
                compile(file.read(), path, "exec", dont_inherit=True)
        except SyntaxError as error:
            sys.exit("%s:%d: %s" % (path, error.lineno or 1, error.msg))
        except (ValueError, RecursionError, MemoryError) as error:
            sys.exit("%s:1: %s" % (path, error or type(error).__name__))
"""
"""Written for every Python that scripts may be hosted on."""

_PYTHON_COMPLAINT = re.compile(r"^(?P<file>.+?):(?P<line>\d+): (?P<message>.+)$", re.MULTILINE)
_NODE_COMPLAINT = re.compile(r"^(?P<file>.+?):(?P<line>\d+)$.*?^(?P<message>\w*Error: .+?)$", re.MULTILINE | re.DOTALL)


async def check(packed: bytes, entry: str, programs: Interpreters | None) -> Version:
    """The version that a bundle is. `programs` are the cluster's build's: without one, JavaScript is not parsed.

    Raises TooLarge for a bundle over its limit, Mistake for anything else in it that cannot be run.
    """
    if len(packed) > BUNDLE_LIMIT:
        raise TooLarge(f"the bundle has {len(packed)} bytes", where="bundle", mend=f"at most {BUNDLE_LIMIT} are taken")
    path = PurePosixPath(entry)
    language = LANGUAGE_BY_SUFFIX.get(path.suffix)
    if language is None:
        known = ", ".join(LANGUAGE_BY_SUFFIX)
        raise Mistake("the entry is no script of a known language", where=f"entry {entry!r}", mend=f"one of {known}")
    if path.is_absolute() or ".." in path.parts or str(path) != entry or "\0" in entry:
        raise Mistake("the entry is no plain path inside the bundle", where=f"entry {entry!r}", mend="such as main.py")
    with tempfile.TemporaryDirectory(prefix="twinline-bundle-") as scratch:
        folder = await asyncio.to_thread(_unpacked, packed, scratch)
        if not (folder / entry).is_file():
            raise Mistake("the bundle has no such file", where=f"entry {entry!r}", mend="name the first script")
        if language is Language.WEB:
            read_place((folder / entry).read_bytes(), entry)
        elif language is Language.PYTHON:
            python = programs.python if programs else Path(sys.executable)
            await _parse(_PYTHON_COMPLAINT, folder, python, "-I", "-B", "-c", _PYTHON_CHECK, str(CHECK_MEMORY))
        elif programs and programs.node:
            await _parse(_NODE_COMPLAINT, folder, programs.node, "--check", f"./{entry}")
    return Version(hashlib.sha256(packed).hexdigest(), entry, language)


def keep(packed: bytes, digest: str, folder: Path) -> None:
    """Write a bundle into the folder of bundles, whole or not at all. Raises Trouble when the disk does not take it."""
    target = folder / f"{digest}.tar.gz"
    if target.exists():
        return
    try:
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(packed)
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, target)
    except OSError as error:
        raise Trouble(
            f"the bundle cannot be kept: {error.strerror}; nothing was deployed", where=str(folder), mend="make room"
        ) from error


def _unpacked(packed: bytes, scratch: str) -> Path:
    """The real path, because that is how programs name a file they complain of."""
    folder = Path(scratch).resolve() / "bundle"
    unpack(packed, folder)
    return folder


class _Complaint(msgspec.Struct, frozen=True):
    file: str
    line: str
    message: str


async def _parse(complaint: re.Pattern[str], folder: Path, program: Path, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), CHECK_SECONDS)
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise Mistake(f"the scripts cannot be parsed in {CHECK_SECONDS:.0f} s", where="bundle") from error
    if process.returncode == 0:
        return
    text = said.decode(errors="replace")
    found = complaint.search(text)
    if found is None:
        raise Mistake(
            f"the scripts cannot be parsed: {text.strip()[-500:] or f'status {process.returncode}'}", where="bundle"
        )
    file = _Complaint(**found.groupdict())
    name = file.file.removeprefix(f"{folder}/").removeprefix("./")
    raise Mistake(file.message, where=f"{name}, line {file.line}", mend="correct it and deploy again")
