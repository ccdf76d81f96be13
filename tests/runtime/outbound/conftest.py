"""A world of its own: an HTTP and an HTTPS server that count, a proxy that may reach them, scripts in sandboxes."""

import datetime
import ipaddress
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.nodes import node as node_of
from tests.runtime.outbound.world import Sandbox, Told, World

from twinline.runtime.outbound import Live, OutboundProxy, OutboundSettings

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def world_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost, with its key, that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "world")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("world") / "world.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    return path


@pytest.fixture
async def world(world_certificate: Path) -> AsyncIterator[World]:
    world = World()
    runner = web.ServerRunner(web.Server(world.handle), shutdown_timeout=0.1)
    await runner.setup()
    secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secure.load_cert_chain(world_certificate)
    for site in (web.TCPSite(runner, "127.0.0.1", 0), web.TCPSite(runner, "127.0.0.1", 0, ssl_context=secure)):
        await site.start()
    plain_at, secure_at = runner.addresses
    world.plain = f"http://127.0.0.1:{plain_at[1]}"
    world.secure = f"https://localhost:{secure_at[1]}"
    yield world
    await runner.cleanup()


@pytest.fixture
def settings(world: World, world_certificate: Path) -> OutboundSettings:
    return OutboundSettings(allow=world.destinations, authorities=world_certificate, timeout=3.0)


@asynccontextmanager
async def started(folder: Path, settings: OutboundSettings) -> AsyncIterator[OutboundProxy]:
    async with OutboundProxy(socket=folder / "out.sock", ca_folder=folder / "ca", settings=settings) as proxy:
        yield proxy


@pytest.fixture
async def proxy(tmp_path: Path, settings: OutboundSettings) -> AsyncIterator[OutboundProxy]:
    async with started(tmp_path, settings) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def nodes() -> dict[str, Path]:
    """Node.js by its major version."""
    return {version: node_of(version) for version in ("20", "22", "24")}


@pytest.fixture(params=["20", "22", "24"])
def node(request: pytest.FixtureRequest, nodes: dict[str, Path]) -> Path:
    """Each Node.js that scripts may run on."""
    return nodes[request.param]


@pytest.fixture
def free_port() -> int:
    """A TCP port on loopback that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def network_of_its_own() -> list[str]:
    """The command that gives a process a network in which only it and its children are."""
    command = ["unshare", "-rn"]
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip("this machine lets nobody make a network namespace")
    return command


@pytest.fixture
async def sandbox(proxy: OutboundProxy, tmp_path: Path, network_of_its_own: list[str]) -> Sandbox:
    """A live session's sandbox."""
    told = Told()
    credentials = proxy.register("session", Live(told))
    return Sandbox(proxy, tmp_path / "out.sock", credentials, told, tmp_path, network_of_its_own)
