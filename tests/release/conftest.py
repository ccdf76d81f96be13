"""Real builds, kept between runs in `build-cache/`: the two of `builds/`, and a small one that is made in a second."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import settings

from twinline.release import Made, build_wheel, make, parse

# A busy machine makes any single example slow; that says nothing about the code.
settings.register_profile("release", deadline=None)
settings.load_profile("release")

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "build-cache" / "release"
KEPT = 900.0
"""Seconds that a build of an earlier state of the tree stays: another run of the tests may be using it."""


@dataclass(frozen=True)
class Builds:
    """The builds of `builds/1.toml` and `builds/2.toml`, and the wheel both are made of."""

    wheel: Path
    first: Made
    second: Made


@pytest.fixture(scope="session")
def own_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def builds(own_wheel: Path) -> Builds:
    for old in CACHE.glob("[0-9a-f]*"):
        if old.stat().st_mtime < time.time() - KEPT:
            shutil.rmtree(old)
    first, second = (
        make(parse((ROOT / f"builds/{name}.toml").read_text()), wheel=own_wheel, builds=CACHE) for name in ("1", "2")
    )
    return Builds(own_wheel, first, second)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A whole build without Node.js and with a wheel of ours that needs nothing."""
    folder = tmp_path_factory.mktemp("small")
    return make(parse('[python]\nversion = "3.11"\n'), wheel=small_wheel(folder), builds=folder / "builds")


@pytest.fixture
def copied(small: Made, tmp_path: Path) -> Path:
    """The small build under its own digest elsewhere, to be damaged."""
    return shutil.copytree(small.folder, tmp_path / small.record.digest, symlinks=True)


def small_wheel(folder: Path, version: str = "9.9.9", body: str = "word = 1") -> Path:
    """A wheel of ours with next to nothing in it and nothing it needs."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"twinline-{version}-py3-none-any.whl"
    about = f"twinline-{version}.dist-info"
    files = {
        "twinline/__init__.py": body,
        f"{about}/METADATA": f"Metadata-Version: 2.4\nName: twinline\nVersion: {version}\nProvides-Extra: runtime\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(f"{about}/RECORD", "".join(f"{name},,\n" for name in (*files, f"{about}/RECORD")))
    return wheel
