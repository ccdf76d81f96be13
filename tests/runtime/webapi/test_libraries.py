"""Programs on the published client libraries, unchanged: their documents are performed, and they read our results."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.webapi.house import Application, House, log, outcome
from twinline.model.transcript import Outcome
from twinline.runtime.outbound import OutboundProxy, OutboundSettings

PROGRAMS = Path(__file__).parent / "programs"
CACHE = Path(__file__).parents[3] / "build-cache"
PYTHON_LIBRARY = "ciscotropo-webapi-python==0.1.4"
NODE_LIBRARY = "tropo-webapi@15.13.0"


@pytest.fixture(scope="session")
def python_command() -> list[str]:
    """The Python program with its library, which is fetched once."""
    folder = CACHE / "webapi-python"
    if not (folder / "tropo.py").exists():
        uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
        command = [uv, "pip", "install", "-q", "--python", sys.executable, "--no-deps", "--target", folder]
        subprocess.run([*command, PYTHON_LIBRARY], check=True)
    return [sys.executable, str(PROGRAMS / "bakery.py"), str(folder)]


@pytest.fixture(scope="session")
def node_command(node22: Path) -> list[str]:
    """The Node.js program with its library, which is fetched once, by the npm that comes with Node.js."""
    folder = CACHE / "webapi-node"
    library = folder / "node_modules" / "tropo-webapi"
    if not (library / "package.json").exists():
        npm = node22.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        options = ["--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        subprocess.run([node22, npm, "install", *options, NODE_LIBRARY], check=True, stdout=subprocess.DEVNULL)
    return [str(node22), str(PROGRAMS / "bakery.js"), str(library)]


@pytest.fixture(params=["python_command", "node_command"])
def program(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a program that runs."""
    command: list[str] = request.getfixturevalue(request.param)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.kill()


async def test_a_program_on_a_published_library_is_driven_unchanged(
    program: str, authority: Path, tmp_path: Path
) -> None:
    application = Application(url=program)
    settings = OutboundSettings(allow=frozenset({application.authority}))
    async with OutboundProxy(socket=tmp_path / "out.sock", ca_folder=authority, settings=settings) as proxy:
        texts, transcript = await House(proxy, application).hold("boskop", initial="plum")
    assert texts == [
        "Welcome, 14155550111. You wrote: plum",
        "We have none. Which cake?",
        "apple from boskop",
        "A cake is ordered",
    ]
    assert log(transcript) == []
    assert outcome(transcript) == (Outcome.COMPLETED, "")
