"""Scripts reach HTTP through the outbound proxy, with a sandbox and without."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.runtime.languages.conftest import SMALL
from tests.runtime.languages.stage import Stage, follow
from twinline.model.transcript import HttpRequest, HttpResponse
from twinline.runtime.languages.sandbox import Interpreters, Mode, Sandboxes
from twinline.runtime.outbound import Live, OutboundProxy, OutboundSettings

ASKING = {
    "main.py": "import urllib.request\nlog(urllib.request.urlopen(url).read().decode())",
    "main.js": "fetch(url).then(r => r.text()).then(t => log(t))",
}


@asynccontextmanager
async def greeting_server() -> AsyncIterator[int]:
    """An HTTP server that says hello."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("mode", ["bubblewrap", "none"])
async def test_both_languages_are_heard_by_the_proxy(interpreters: Interpreters, tmp_path: Path, mode: Mode) -> None:
    seen: list[tuple[str, int]] = []

    def on_exchange(request: HttpRequest, response: HttpResponse | None, error: str) -> None:
        assert response is not None, error
        seen.append((request.url, response.status))

    async with greeting_server() as port:
        settings = OutboundSettings(allow=frozenset({f"127.0.0.1:{port}"}))
        url = f"http://127.0.0.1:{port}/greeting"
        async with OutboundProxy(socket=tmp_path / "out.sock", ca_folder=tmp_path / "ca", settings=settings) as proxy:
            sandboxes = Sandboxes(
                interpreters,
                SMALL,
                mode=mode,
                outbound_socket=tmp_path / "out.sock",
                ca_file=proxy.ca_file,
                capacity=4,
            )
            async with sandboxes:
                stage = Stage(sandboxes, tmp_path / "bundles")
                for entry, source in ASKING.items():
                    process = await stage.open({entry: source}, entry)
                    credentials = proxy.register(f"session-{entry}", Live(on_exchange))
                    start = {"type": "start", "call": None, "parameters": {"url": url}, "seed": "1", "rehearsal": False}
                    await process.start({**start, "proxy": credentials})
                    async with asyncio.timeout(20):
                        ran = await follow(process, {})
                    assert (ran.logged, ran.error) == (["hello"], None)
        assert seen == [(url, 200)] * 2
