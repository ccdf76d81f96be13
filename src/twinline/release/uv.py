"""Running uv: the one program that finds Pythons, resolves versions, makes environments and builds our wheel.

Comes in: arguments. Goes out: what it printed, or a `Failure` with its words; the caller knows whose fault that is.
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from uv import find_uv_bin

from twinline.model.errors import Trouble

TIME_LIMIT = 900.0
"""Seconds of one uv command. Fetching Node.js (60 MB) at 1 Mbit/s takes eight minutes."""

_SOURCE_DATE = "1580601600"
"""The time stamped on every file of a wheel (2020-02-02), so that the same tree makes the same bytes."""

_MISLEADING = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "UV_PROJECT_ENVIRONMENT")
"""Variables of the environment we are started in that would leak our own packages into a build."""


class Failure(Trouble):
    """uv said no. `unsolvable`: it understood, and what was asked for does not exist."""

    def __init__(self, doing: str, said: str) -> None:
        """`doing` is what was tried, `said` uv's own words."""
        self.said = said
        self.unsolvable = "No solution found" in said
        super().__init__(f"{doing} failed: {said}", where="uv")


@cache
def _program() -> str:
    return find_uv_bin()


def run(doing: str, arguments: Sequence[str | Path], *, folder: Path) -> str:
    """Run uv in `folder` and give its standard output. Raises Failure, with `doing` and uv's own words."""
    environment = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    try:
        done = subprocess.run(
            [_program(), *arguments, "--no-progress", "--color=never"],
            cwd=folder,
            env={**environment, "SOURCE_DATE_EPOCH": _SOURCE_DATE},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Failure(doing, f"no end after {TIME_LIMIT:.0f} s") from error
    except OSError as error:
        raise Failure(doing, str(error)) from error
    if done.returncode:
        raise Failure(doing, _words(done.stderr) or _status(done.returncode))
    return done.stdout


def _status(code: int) -> str:
    return f"exit status {code}" if code > 0 else f"killed by {signal.Signals(-code).name}"


def _words(stderr: str) -> str:
    lines = (line.strip() for line in stderr.splitlines())
    return " ".join(line.removeprefix("error: ").removeprefix("cause: ") for line in lines if line)
