"""What the way out costs: requests a second and latency through it, as ratios to the same requests made directly.

    python benchmarks/outbound.py [SECONDS]

One process holds the server, the proxy and the client, as a worker's loop does; figures are of one core.
"""

import asyncio
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path

from twinline.model.transcript import HttpExchange, HttpRequest, HttpResponse
from twinline.runtime.outbound import Cassette, Live, OutboundProxy, OutboundSettings, Recorded

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n" + b'{"a":"bcde"}'
AT_ONCE = 8

Ask = Callable[[], Awaitable[None]]


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The service outside: the same answer to every request."""
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    """One request on an open connection, to the end of its answer."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))


async def measure(request: bytes, connect: Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]],
                  seconds: float, *, keep: bool) -> tuple[float, float]:  # fmt: skip
    """Requests a second with some at once, and the median latency in seconds with one at a time."""
    latencies: list[float] = []

    async def client(until: float) -> int:
        count = 0
        pair = await connect() if keep else None
        while time.perf_counter() < until:
            began = time.perf_counter()
            reader, writer = pair or await connect()
            await ask(reader, writer, request)
            if not keep:
                writer.close()
            latencies.append(time.perf_counter() - began)
            count += 1
        if pair:
            pair[1].close()
        return count

    await client(time.perf_counter() + seconds)
    alone = sorted(latencies)[len(latencies) // 2]
    counts = await asyncio.gather(*(client(time.perf_counter() + seconds) for _ in range(AT_ONCE)))
    return sum(counts) / seconds, alone


async def main(seconds: float) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        host = "127.0.0.1:" + str(server.sockets[0].getsockname()[1])
        settings = OutboundSettings(allow=frozenset({host}))
        async with server, OutboundProxy(socket=folder / "s", ca_folder=folder / "ca", settings=settings) as proxy:
            live = proxy.register("live", Live(lambda request, response, error: None))
            recorded = HttpExchange(0.0, HttpRequest("GET", f"http://{host}/"), HttpResponse(200, {}, '{"a":"bcde"}'))
            cassette = Cassette([recorded] * 200_000)
            lane = proxy.register("lane", Recorded(cassette, lambda request, response, error: None))

            def through(credentials: str) -> bytes:
                password = b64encode(credentials.encode()).decode()
                fields = f"Host: {host}\r\nProxy-Authorization: Basic {password}\r\n"
                return f"GET http://{host}/ HTTP/1.1\r\n{fields}\r\n".encode()

            plain = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

            def direct() -> Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
                return asyncio.open_connection(*host.split(":"))

            def proxied() -> Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
                return asyncio.open_unix_connection(folder / "s")

            warm = await proxied()
            await ask(*warm, through(live))
            warm[1].close()
            floor = None
            for label, request, connect, keep in (
                ("direct, a connection each", plain, direct, False),
                ("direct, connection kept", plain, direct, True),
                ("through it, live, a connection each", through(live), proxied, False),
                ("through it, live, connection kept", through(live), proxied, True),
                ("through it, from a cassette, a connection each", through(lane), proxied, False),
                ("through it, from a cassette, connection kept", through(lane), proxied, True),
            ):
                rate, latency = await measure(request, connect, seconds, keep=keep)
                floor = floor or (rate, latency)
                sys.stdout.write(
                    f"{label:<50} {rate:>7.0f}/s  {rate / floor[0]:>5.2f} of direct"
                    f"   {latency * 1000:>6.2f} ms  {(latency - floor[1]) * 1000:>+6.2f} ms\n"
                )


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 2.0))
