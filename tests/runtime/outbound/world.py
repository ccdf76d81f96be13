"""What the tests of the way out talk about: what a session was told, the servers outside, a script's sandbox."""

import asyncio
import os
import sys
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from twinline.model.transcript import HttpExchange, HttpRequest, HttpResponse
from twinline.runtime import outbound
from twinline.runtime.outbound import OutboundProxy

INSIDE = Path(outbound.__file__).parent / "inside"
SANDBOXED = Path(__file__).parent / "sandboxed.py"


@dataclass
class Told:
    """What a session was told of its exchanges, in order."""

    exchanges: list[HttpExchange] = field(default_factory=list)

    def __call__(self, request: HttpRequest, response: HttpResponse | None, error: str) -> None:
        self.exchanges.append(HttpExchange(at=0.0, request=request, response=response, error=error))

    @property
    def only(self) -> HttpExchange:
        assert len(self.exchanges) == 1, self.exchanges
        return self.exchanges[0]


@dataclass
class World:
    """The servers outside, the requests that reached them, and what they answer by path."""

    plain: str = ""
    secure: str = ""
    seen: list[str] = field(default_factory=list)
    answers: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(f"{request.method} {request.path_qs}")
        if request.path in self.answers:
            return await self.answers[request.path](request)
        return web.Response(text=f"{request.method} {request.path_qs} {await request.text()}".strip())

    @property
    def destinations(self) -> frozenset[str]:
        return frozenset(url.partition("//")[2] for url in (self.plain, self.secure))


@dataclass
class Sandbox:
    """Runs scripts whose only way out is the proxy."""

    proxy: OutboundProxy
    socket: Path
    credentials: str
    told: Told
    folder: Path
    prefix: list[str]

    async def run(self, script: str, runner: str | Path = "python", *, patience: float = 20.0, port: int = 3128) -> str:
        """What the script printed. Fails the test when it fails."""
        path = self.folder / ("script.py" if runner == "python" else "script.js")
        path.write_text(script)
        process = await asyncio.create_subprocess_exec(
            *self.prefix, sys.executable, SANDBOXED, INSIDE, self.socket, self.credentials, self.proxy.ca_file,
            str(port), str(runner), path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
        try:
            async with asyncio.timeout(patience):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, err.decode()
        return out.decode().strip()


@dataclass(frozen=True)
class Said:
    """An answer as bytes on the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


async def ask(proxy_socket: Path, credentials: str, url: str, method: str = "GET", body: bytes = b"") -> Said:
    """A request as a client of a proxy makes it, over the proxy's own socket. The connection ends with the answer."""
    reader, writer = await asyncio.open_unix_connection(proxy_socket)
    head = [
        f"{method} {url} HTTP/1.1",
        f"Host: {url.split('/')[2]}",
        f"Proxy-Authorization: Basic {b64encode(credentials.encode()).decode()}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    try:
        return parse(await reader.read())
    finally:
        writer.close()


def parse(answer: bytes) -> Said:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Said(int(status.split(" ")[1]), headers, body)


async def settled(condition: Callable[[], object], patience: float = 5.0) -> None:
    """Wait until `condition` holds. Raises TimeoutError when it does not within `patience` seconds."""
    async with asyncio.timeout(patience):
        while not condition():  # noqa: ASYNC110  # it is about other processes too, which set no event
            await asyncio.sleep(0.01)
