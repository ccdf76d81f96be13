"""A real platform, started once by `twinline up` for all tests of this folder, and the command as a program."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from twinline.cli import main

TWINLINE = Path(sys.executable).parent / "twinline"

PATIENCE = 60.0
"""Seconds that a start may take on a machine that does much else."""


@dataclass(frozen=True)
class Told:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


def run(*arguments: str | Path, **environment: str) -> Told:
    """Run the command with this environment and no other."""
    done = subprocess.run(
        [TWINLINE, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200", **environment},
    )  # fmt: skip
    return Told(done.returncode, done.stdout, done.stderr)


def logs(folder: Path) -> str:
    """The ends of a platform's logs, for a start that did not come about."""
    files = [folder / "up.log", *sorted(folder.glob("logs/*.log"))]
    return "\n".join(f"{file.name}: {line}" for file in files for line in file.read_text().splitlines()[-10:])


@pytest.fixture(scope="package")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a platform that runs; scripts are not run here, so that no sandbox is needed."""
    folder = tmp_path_factory.mktemp("platform")
    with (folder / "up.log").open("wb") as log:
        platform = subprocess.Popen(
            [TWINLINE, "up", "--data", folder, "--port", "0", "--api-port", "0", "--sandbox", "none"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE
        while (told := run("--data", folder, "status")).code != 0:
            assert platform.poll() is None, logs(folder)
            assert time.monotonic() < deadline, f"{told.err}\n{logs(folder)}"
            time.sleep(0.2)
        yield folder
    finally:
        platform.terminate()
        platform.wait(timeout=PATIENCE)


@pytest.fixture
def twinline(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """The command on the platform that runs, in this process: a program for each would take most of the time."""

    def told(*arguments: str | Path) -> Told:
        monkeypatch.setattr(sys, "argv", ["twinline", "--data", str(data), *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Told(int(ended.value.code or 0), out, err)

    return told
