"""Our own wheel: the runtime that a build contains.

Comes in: the source tree we were started from. Goes out: a wheel, the same bytes for the same tree. When Twinline
itself was installed from a wheel there is no tree, and whoever makes a build names a wheel (`docs/build-manifest.md`).
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import twinline
from twinline.model.errors import Mistake
from twinline.release import uv


def source_tree() -> Path | None:
    """The tree that this very code runs from; None when it runs from an installed wheel."""
    root = Path(twinline.__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / "src/twinline").is_dir() else None


def build_wheel(tree: Path, out: Path) -> Path:
    """Build the tree's wheel into the folder `out`, made if needed.

    Raises Mistake when there is no tree, Trouble when uv fails.
    """
    if not (tree / "pyproject.toml").is_file():
        raise Mistake("no source tree of Twinline", where=str(tree), mend="name a wheel instead")
    out = out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out, prefix=".wheel-") as fresh:
        told = uv.run("building the wheel", ["build", "--wheel", "--out-dir", fresh, tree.resolve()], folder=out)
        made = next(Path(fresh).glob("twinline-*.whl"), None)
        if made is None:
            raise uv.Failure("building the wheel", told or "no wheel came of it")
        return made.replace(out / made.name)
