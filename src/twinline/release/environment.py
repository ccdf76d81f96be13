"""Making a build: a manifest becomes a folder that is never edited afterwards.

Comes in: a manifest, our wheel, and the folder of all builds. Goes out: `<builds>/<digest>/`, whole or not at all:

    build.json      what the build is: digest, components, hosted packages
    files.json      every file with its hash
    manifest.toml   the manifest as it was written
    runtime.lock    what the runtime needs, with hashes
    python.lock     the packages of hosted scripts, with hashes
    wheel/          our own wheel
    runtime/        the environment workers run in, with Node.js inside
    python/         the environment of hosted Python scripts

It is made in a folder beside (`.making-…`) and renamed; what a crash leaves of that is removed by the next making.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from zipfile import is_zipfile

import msgspec

from twinline.model.builds import Build, ComponentName
from twinline.model.errors import Mistake, Trouble
from twinline.release import uv
from twinline.release.lock import lock_python, lock_runtime
from twinline.release.manifest import Manifest
from twinline.release.programs import (
    distribution_versions,
    find_python,
    interpreters,
    node_version,
    python_version,
)
from twinline.release.record import (
    FILES,
    MANIFEST,
    PYTHON_LOCK,
    RECORD,
    RUNTIME_LOCK,
    WHEEL_FOLDER,
    Ingredients,
    Record,
    digest_of,
)
from twinline.release.significance import Contents, compute
from twinline.release.verification import list_files, verify

STEPS = 6

_UNFINISHED = ".making-"
_LOCK = ".lock"


class Progress(Protocol):
    """Told before each step, and once more at the end with `step` equal to `steps`."""

    def __call__(self, step: int, steps: int, text: str, /) -> None:
        """`step` of `steps` are done; `text` says what is being done now."""


class Made(msgspec.Struct, frozen=True):
    """A build on disk. `fresh` is False when the very same one was there already."""

    folder: Path
    record: Record
    fresh: bool


def _silent(_step: int, _steps: int, _text: str) -> None:
    return


def make(manifest: Manifest, *, wheel: Path | None, builds: Path, progress: Progress = _silent) -> Made:
    """Make the build that `manifest` describes, or find it if it was made before. Takes seconds to minutes; blocking.

    `wheel` is our own wheel for a manifest that names none. Raises Mistake (with the manifest's line) for what cannot
    be had, Refused when the folder is there but was changed, Trouble when the machine or the network fails.
    """
    builds = builds.resolve()
    try:
        builds.mkdir(parents=True, exist_ok=True)
        with _alone(builds, progress):
            return _make(manifest, _checked(manifest, wheel), builds, progress)
    except OSError as error:
        raise Trouble(
            f"the build could not be written: {error.strerror}", where=str(error.filename or builds)
        ) from error


def as_build(made: Made, manifest: Manifest, *, number: int, previous: Contents | None, made_at: float) -> Build:
    """The model's word for a made build. `previous` is what the build before it holds; None for the first."""
    return Build(
        number=number,
        digest=made.record.digest,
        path=str(made.folder),
        components=made.record.contents.components,
        changes=manifest.changes,
        significance=compute(previous, made.record.contents),
        made_at=made_at,
    )


def _make(manifest: Manifest, wheel: Path, builds: Path, progress: Progress) -> Made:
    told = iter(range(STEPS))

    def tell(text: str) -> None:
        progress(next(told), STEPS, text)

    with _unfinished(builds) as work:
        tell(f"finding Python {manifest.python.version}")
        own = find_python(manifest.runtime.python, where=_own_place(manifest), folder=work)
        hosted = find_python(manifest.python.version, where=manifest.place("python", "version"), folder=work)
        tell("locking the runtime")
        runtime_lock = lock_runtime(manifest, wheel=wheel, python=own, folder=work)
        tell("locking the packages of hosted scripts")
        python_lock = lock_python(manifest, python=hosted, folder=work)
        ingredients = Ingredients(
            manifest=manifest.text,
            runtime_lock=runtime_lock,
            python_lock=python_lock,
            wheel=hashlib.sha256(wheel.read_bytes()).hexdigest(),
            own_python=python_version(own),
            hosted_python=python_version(hosted),
        )
        folder = builds / digest_of(ingredients)
        if folder.exists():
            record = verify(folder)
            progress(STEPS, STEPS, "made before")
            return Made(folder, record, fresh=False)
        _write_texts(work, ingredients)
        kept = work / WHEEL_FOLDER / wheel.name
        kept.parent.mkdir()
        shutil.copyfile(wheel, kept)
        tell("installing the runtime")
        _install(work, "runtime", own, runtime_lock)
        _install_wheel(work, kept)
        tell("installing the packages of hosted scripts")
        _install(work, "python", hosted, python_lock)
        tell("recording every file")
        record = _seal(work, ingredients, kept.name)
        os.rename(work, folder)
        _flush(builds)
    progress(STEPS, STEPS, "made")
    return Made(folder, record, fresh=True)


def _checked(manifest: Manifest, default: Path | None) -> Path:
    named = manifest.runtime.wheel
    where = manifest.place("runtime", "wheel") if named else str(default or "")
    wheel = Path(named) if named else default
    if wheel is None:
        raise Mistake(
            "no wheel of the runtime", where=manifest.place("runtime"), mend='say [runtime] wheel = "/path/of.whl"'
        )
    if not wheel.name.startswith("twinline-") or not wheel.is_file() or not is_zipfile(wheel):
        raise Mistake(f"{wheel} is no wheel of Twinline", where=where, mend="make one with `uv build --wheel`")
    return wheel.resolve()


def _own_place(manifest: Manifest) -> str:
    same = manifest.runtime.python == manifest.python.version
    return manifest.place("python", "version") if same else manifest.place("runtime", "python")


def _write_texts(work: Path, ingredients: Ingredients) -> None:
    (work / MANIFEST).write_bytes(ingredients.manifest.encode())
    (work / RUNTIME_LOCK).write_text(ingredients.runtime_lock)
    (work / PYTHON_LOCK).write_text(ingredients.python_lock)


def _install(work: Path, name: str, python: Path, lock: str) -> None:
    uv.run(
        f"making the {name} environment",
        ["venv", "--quiet", "--relocatable", "--no-project", "--no-python-downloads", "--python", python, name],
        folder=work,
    )
    if lock:
        _pip_install(work, name, "--require-hashes", "--requirements", work / f"{name}.lock")


def _install_wheel(work: Path, wheel: Path) -> None:
    _pip_install(work, "runtime", "--no-deps", wheel)


def _pip_install(work: Path, name: str, *what: str | Path) -> None:
    """Files are copied: a link into uv's cache would let anyone who edits the cache edit the build. Bytecode is made
    now because nothing may be written later."""
    uv.run(
        f"installing the {name} environment",
        [
            "pip", "install", "--quiet", "--python", work / name / "bin/python", "--no-python-downloads",
            "--link-mode=copy", "--compile-bytecode", *what,
        ],
        folder=work,
    )  # fmt: skip


def _seal(work: Path, ingredients: Ingredients, wheel_name: str) -> Record:
    """Ask the made programs what they are, list every file, and take away the right to write."""
    contents = _contents(work, ingredients)
    for folder, _, names in os.walk(work):
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)
    files = msgspec.json.encode(list_files(work), order="sorted")
    (work / FILES).write_bytes(files)
    record = Record(
        digest=digest_of(ingredients),
        contents=contents,
        wheel=ingredients.wheel,
        wheel_name=wheel_name,
        own_python=ingredients.own_python,
        hosted_python=ingredients.hosted_python,
        files=hashlib.sha256(files).hexdigest(),
    )
    (work / RECORD).write_bytes(msgspec.json.format(msgspec.json.encode(record)))
    for name in (FILES, RECORD):
        (work / name).chmod(0o444)
    return record


def _contents(work: Path, ingredients: Ingredients) -> Contents:
    programs = interpreters(work)
    ours = distribution_versions(programs.own)["twinline"]
    components = {
        ComponentName.RUNTIME: f"{ours}+{ingredients.wheel[:12]}",
        ComponentName.PYTHON: python_version(programs.python),
    }
    if programs.node:
        components[ComponentName.JAVASCRIPT] = node_version(programs.node)
    return Contents(components, distribution_versions(programs.python))


@contextmanager
def _unfinished(builds: Path) -> Iterator[Path]:
    for leftover in builds.glob(f"{_UNFINISHED}*"):
        # A uv whose parent was killed may still be writing there: what cannot go now goes next time.
        shutil.rmtree(leftover, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=builds))
    work.chmod(0o755)
    try:
        yield work
    finally:
        if work.exists():
            shutil.rmtree(work)


@contextmanager
def _alone(builds: Path, progress: Progress) -> Iterator[None]:
    """One making at a time in this folder, of any process; the lock goes with the process that holds it."""
    with (builds / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(0, STEPS, "waiting for another build to be made")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _flush(folder: Path) -> None:
    """Put the rename itself on disk, so that a power cut does not take it back after it was reported."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
