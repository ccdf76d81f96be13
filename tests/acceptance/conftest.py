"""A whole platform as a person runs it: `twinline up`, a real build on both clusters, a carrier, and applications."""

import io
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from examples.carrier import Carrier

from twinline.control.client import Client
from twinline.model.applications import Carrier as CarrierOf
from twinline.model.builds import Cluster
from twinline.model.errors import TwinlineError

ROOT = Path(__file__).parents[2]
SECRET = "acceptance"
PATIENCE = 120.0

ORDER = """
count = ask("How many?", {"choices": "[1-2 DIGITS]", "attempts": 3, "timeout": 300})
name = ask("For whom?", {"choices": "[ANY]", "timeout": 300})
message("order: " + count.value, {"to": "+15550109"})
say(count.value + " for " + name.value)
"""


def packed(**files: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "."))
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return stream.getvalue()


@dataclass
class Running:
    """A platform that runs, with build 1 on both clusters."""

    data: Path
    process: subprocess.Popen[bytes]
    edge: str
    client: Client
    carrier: Carrier

    def deploy(self, name: str, script: str, address: str) -> None:
        """A production application with an address."""
        self.client.create_application(name, Cluster.PRODUCTION)
        self.client.deploy(name, packed(main__py=script), "main.py")
        self.client.add_address(name, address, CarrierOf("generic", self.carrier.url, SECRET))

    def children(self) -> dict[str, int]:
        """The supervised processes by what they are."""
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                command = (folder / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if parent == self.process.pid:
                found[_name_of(command)] = int(folder.name)
        return found

    def log(self, name: str) -> str:
        return (self.data / "logs" / f"{name}.log").read_text()


def _name_of(command: list[str]) -> str:
    if "nats-server" in command[0] or "nats-server" in "".join(command[:2]):
        return "nats"
    for part in command:
        if part in ("twinline.control.main", "twinline.network.main"):
            return part.split(".")[1]
        if part.endswith("settings.json"):
            return Path(part).parent.name
    return command[0]


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    data = tmp_path_factory.mktemp("p")
    twinline = Path(sys.executable).parent / "twinline"
    with (data / "up.log").open("wb") as log, Carrier(SECRET) as carrier:
        process = subprocess.Popen(
            [twinline, "up", "--data", data, "--port", "0", "--api-port", "0"], stdout=log, stderr=log
        )
        try:
            client, edge = _connected(data, process)
            job = client.wait(client.create_build((ROOT / "builds/1.toml").read_text()))
            assert job.problem is None, job
            client.publish_build(1)
            client.place_build(Cluster.DEVELOPMENT, 1)
            client.place_build(Cluster.PRODUCTION, 1)
            yield Running(data, process, edge, client, carrier)
            client.close()
        finally:
            process.terminate()
            process.wait(60)


def _connected(data: Path, process: subprocess.Popen[bytes]) -> tuple[Client, str]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, (data / "up.log").read_text()
        try:
            places = msgspec.json.decode((data / "platform.json").read_bytes(), type=dict[str, str])
            key = (data / "api-key").read_text().strip()
            with Client(places["api"], key) as client:
                client.status()
        except (OSError, TwinlineError):
            time.sleep(0.1)
        else:
            return Client(places["api"], key), places["edge"]
    raise TimeoutError((data / "up.log").read_text())


def kill(process: int) -> None:
    """The end that nothing can prepare for."""
    os.kill(process, 9)
