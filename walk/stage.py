"""What the walk stands on: a platform in a child process, the `twinline` command, and plain HTTP.

Comes in: a data folder and ports. Goes out: what commands printed and the documents they gave, each checked for its
exit code. Nothing here reaches into the platform: what a user could not do, the walk cannot either.
"""

import shlex
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from twinline.control.schema import ClusterView
from twinline.model.builds import Cluster
from walk import account

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
TWINLINE = Path(sys.executable).parent / "twinline"

STARTING = 30.0
"""Seconds that the platform may take to answer. It takes about two; a busy machine some more."""

COMMAND = 900.0
"""Seconds of one command. The longest makes a build, which fetches some sixty megabytes on a fresh machine."""

T = TypeVar("T")


@dataclass(frozen=True)
class Stage:
    """A data folder with the ports that the platform on it uses, and the outside service its scripts may reach."""

    data: Path
    port: int
    api_port: int
    sandbox: str
    lookup: str

    @property
    def edge(self) -> str:
        """Where messages come in."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api(self) -> str:
        """Where the HTTP API is."""
        return f"http://127.0.0.1:{self.api_port}"

    @contextmanager
    def platform(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Start the platform, wait until it answers, and stop it at the end."""
        self.data.mkdir(parents=True, exist_ok=True)
        arguments = ["up", "--data", str(self.data), "--port", str(self.port), "--api-port", str(self.api_port)]
        arguments += ["--sandbox", self.sandbox, "--allow-outbound", self.lookup]
        account.command(shlex.join(["twinline", *arguments]) + " &")
        log = self.data / "up.log"
        with log.open("ab") as output:
            process = subprocess.Popen([TWINLINE, *arguments], cwd=ROOT, stdout=output, stderr=output)
        try:
            account.until(lambda: self._answers(process, log), "the platform answers", seconds=STARTING)
            yield process
        finally:
            process.terminate()
            process.wait(timeout=60)

    def _answers(self, process: "subprocess.Popen[bytes]", log: Path) -> bool:
        if process.poll() is not None:
            last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise account.WentWrong(f"twinline up ended with {process.returncode}: {last[0]}")
        return (self.data / "api-key").exists() and all(
            get(f"{place}/healthz", quiet=True)[0] == 200 for place in (self.edge, self.api)
        )

    def twinline(self, *arguments: str, code: int = 0, quiet: bool = False, key: str = "") -> str:
        """Run a command as a user would and give what it printed; `key` is somebody's own.

        Raises WentWrong when it ends with another code.
        """
        if not quiet:
            account.command(shlex.join(["twinline", *arguments]))
        own_key = {"TWINLINE_API_KEY": key} if key else {}
        done = subprocess.run(
            [TWINLINE, "--data", self.data, *arguments],
            cwd=ROOT, capture_output=True, text=True, timeout=COMMAND, check=False,
            env={"PATH": "/usr/bin:/bin", "COLUMNS": str(account.WIDTH - 5), "LANG": "C.UTF-8", **own_key},
        )  # fmt: skip
        told = done.stdout if code == 0 or done.stdout else done.stderr
        if not quiet:
            account.output(told)
        if done.returncode != code:
            words = (done.stderr or done.stdout).strip()
            raise account.WentWrong(
                f"expected: `twinline {shlex.join(arguments)}` ends with {code}\nseen: {done.returncode}, {words}"
            )
        return told

    def read(self, type_: type[T], *arguments: str, code: int = 0) -> T:
        """What a reading command gives with --json, as a document."""
        return msgspec.json.decode(self.twinline(*arguments, "--json", code=code, quiet=True), type=type_)

    def fetch(self, path: str, type_: type[T]) -> T:
        """What the HTTP API gives at a path: quicker than a command for each of many."""
        key = (self.data / "api-key").read_text(encoding="utf-8").strip()
        status, body = _send(urllib.request.Request(self.api + path, headers={"Authorization": f"Bearer {key}"}))
        if status != 200:
            raise account.WentWrong(f"expected: {path} is there\nseen: {status} {body.decode()}")
        return msgspec.json.decode(body, type=type_)

    def cluster(self, cluster: Cluster) -> ClusterView:
        """What runs on a cluster."""
        return next(each for each in self.read(list[ClusterView], "cluster", "list") if each.cluster is cluster)


@contextmanager
def service(arguments: Sequence[str | Path], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program of the examples beside the platform, and stop it at the end."""
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=10)


def get(url: str, *, quiet: bool = False) -> tuple[int, bytes]:
    """Fetch a page as curl would: its status (0: nobody answers) and its body."""
    if not quiet:
        account.command(f"curl {url}")
    return _send(urllib.request.Request(url))


def post(url: str, body: bytes, headers: dict[str, str], *, quiet: bool = False) -> tuple[int, bytes]:
    """Post as curl would: the answer's status (0: nobody answers) and body."""
    if not quiet:
        shown = " ".join(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items())
        account.command(f"curl {url} {shown} -d {shlex.quote(body.decode())}")
    return _send(urllib.request.Request(url, data=body, headers=headers, method="POST"))


def _send(request: urllib.request.Request) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def processes_under(parent: int) -> dict[int, str]:
    """A process's children and their command lines, as the machine shows them."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    return {int(child): _command_line(Path("/proc", child, "cmdline")) for child in children}


def _command_line(file: Path) -> str:
    try:
        return file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except FileNotFoundError:  # it has just ended
        return ""
