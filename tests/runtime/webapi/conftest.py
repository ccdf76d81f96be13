"""An application, the way out to it, and a house to hold sessions in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.runtime.webapi.house import Application, House
from twinline.runtime.outbound import OutboundProxy, OutboundSettings
from twinline.runtime.webapi import WebSettings


@pytest.fixture
async def application() -> AsyncIterator[Application]:
    application = Application()
    runner = web.ServerRunner(web.Server(application.handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    application.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield application
    await runner.cleanup()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a certificate authority, made once: it takes a second."""
    return tmp_path_factory.mktemp("authority")


@pytest.fixture
async def house(application: Application, authority: Path, tmp_path: Path) -> AsyncIterator[House]:
    settings = OutboundSettings(allow=frozenset({application.authority}), response_limit=64 * 1024)
    async with OutboundProxy(socket=tmp_path / "out.sock", ca_folder=authority, settings=settings) as proxy:
        yield House(proxy, application, WebSettings(timeout=2.0, document_limit=16 * 1024))
