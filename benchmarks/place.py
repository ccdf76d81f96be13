"""A platform to be measured: started with the demo's first build, with an application in each language.

Comes in: a data folder (kept between runs, so that builds are made once). Goes out: a running platform and its client.
"""

import io
import json
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from twinline.bus import BusAddress
from twinline.control.client import Client
from twinline.model.applications import Carrier
from twinline.model.builds import Cluster
from twinline.model.errors import Conflict, Trouble

ROOT = Path(__file__).parents[1]
SECRET = "benchmark"
APPLICATIONS = {"python": ("+15550000001", "main.py"), "javascript": ("+15550000002", "main.js")}


@dataclass(frozen=True)
class Place:
    """Where the measured platform is."""

    data: Path
    edge_port: int
    client: Client
    bus: BusAddress


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(data: Path, edge_port: int, api_port: int) -> Iterator[None]:
    """A platform from the moment that it is started, stopped at the end."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "up.log").open("ab") as output:
        process = subprocess.Popen(
            [
                *(str(Path(sys.executable).parent / "twinline"), "up", "--data", str(data)),
                *("--port", str(edge_port), "--api-port", str(api_port)),
            ],
            stdout=output,
            stderr=output,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def platform(data: Path, carrier_port: int) -> Iterator[Place]:
    """Run a platform with both applications deployed on build 1, and stop it at the end."""
    edge_port, api_port = free_port(), free_port()
    with started(data, edge_port, api_port):
        client = _client(data, api_port)
        _prepare(client, carrier_port)
        known = json.loads((data / "bus.json").read_text())
        bus = BusAddress(f"nats://127.0.0.1:{known['port']}", known["token"])
        yield Place(data, edge_port, client, bus)


def _client(data: Path, api_port: int) -> Client:
    url = f"http://127.0.0.1:{api_port}"
    for _ in range(600):
        try:
            httpx.get(f"{url}/healthz").raise_for_status()
            return Client(url, (data / "api-key").read_text().strip())
        except (httpx.HTTPError, OSError):
            time.sleep(0.05)
    raise Trouble("the platform did not start", where=str(data / "up.log"))


def _prepare(client: Client, carrier_port: int) -> None:
    if not client.builds():
        for number in (1, 2):
            client.wait(client.create_build((ROOT / f"builds/{number}.toml").read_text()))
            client.publish_build(number)
        client.place_build(Cluster.PRODUCTION, 1)
    for name, (address, entry) in APPLICATIONS.items():
        try:
            client.create_application(name, Cluster.PRODUCTION)
        except Conflict:
            client.remove_address(name, address)
        client.deploy(name, _packed(ROOT / "benchmarks/scripts" / name), entry)
        client.add_address(name, address, Carrier("generic", f"http://127.0.0.1:{carrier_port}/", SECRET))


def _packed(folder: Path) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for file in sorted(folder.iterdir()):
            archive.add(file, file.name)
    return stream.getvalue()


__all__ = ["APPLICATIONS", "SECRET", "Place", "free_port", "platform", "started"]
