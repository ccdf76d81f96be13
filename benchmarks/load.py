"""A load of conversations: callers who write, and the carrier that takes the replies.

Comes in: the edge's address, an address of an application, a rate or a number of callers at once. Goes out: how many
sessions a second ended, and how long each reply took. The load shares two cores with the platform that it measures, so
its HTTP is the least that works: one request at a time on connections that stay open.
"""

import asyncio
import hashlib
import hmac
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec

CRLF2 = b"\r\n\r\n"


class Reply(msgspec.Struct):
    """What the edge posts to a carrier."""

    id: str
    to: str
    text: str


class Carrier:
    """A carrier's end: takes posts, answers 200, and wakes whoever waits for that caller's reply."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[str]] = {}
        self._seen: set[str] = set()

    def reply_to(self, caller: str) -> asyncio.Future[str]:
        """The next reply to this caller."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[caller] = future
        return future

    async def serve(self, port: int) -> asyncio.Server:
        """Listen on loopback."""
        return await asyncio.start_server(self._connection, "127.0.0.1", port)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(CRLF2)).lower()
                start = head.index(b"content-length:") + len(b"content-length:")
                body = await reader.readexactly(int(head[start : head.index(b"\r", start)]))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                reply = msgspec.json.decode(body, type=Reply)
                if reply.id not in self._seen:
                    self._seen.add(reply.id)
                    future = self._waiting.pop(reply.to, None)
                    if future is not None and not future.done():
                        future.set_result(reply.text)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


class Writers:
    """Connections to the edge, kept open, one request at a time on each."""

    def __init__(self, host: str, port: int, secret: str) -> None:
        self._where = host, port
        self._secret = secret.encode()
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._numbers = itertools.count()
        self._run = f"{time.time_ns():x}"

    async def send(self, sender: str, to: str, text: str) -> None:
        """Hand one message to the edge. Raises RuntimeError when it is not accepted."""
        message = {"to": to, "from": sender, "text": text, "id": f"{self._run}-{next(self._numbers)}"}
        body = msgspec.json.encode(message)
        now = str(int(time.time()))
        signature = hmac.new(self._secret, now.encode() + b"." + body, hashlib.sha256).hexdigest()
        head = (
            f"POST /messages HTTP/1.1\r\nHost: edge\r\nContent-Type: application/json\r\n"
            f"X-Twinline-Signature: t={now},v1={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        status = await self._exchange(head.encode() + body)
        if status != 202:
            raise RuntimeError(f"the edge answered {status}")

    async def health(self) -> None:
        """The least that the same server does: the floor of a request."""
        await self._exchange(b"GET /healthz HTTP/1.1\r\nHost: edge\r\n\r\n")

    async def _exchange(self, request: bytes) -> int:
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(*self._where)
        writer.write(request)
        head = await reader.readuntil(CRLF2)
        lower = head.lower()
        start = lower.index(b"content-length:") + len(b"content-length:")
        await reader.readexactly(int(lower[start : lower.index(b"\r", start)]))
        self._idle.append((reader, writer))
        return int(head[9:12])


@dataclass
class Figures:
    """What a run gave: sessions, the seconds they took, and each reply's seconds."""

    sessions: int = 0
    seconds: float = 0.0
    replies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Sessions a second."""
        return self.sessions / self.seconds

    def percentile(self, share: float) -> float:
        """The reply time that `share` of all replies stayed under, in seconds."""
        ordered = sorted(self.replies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


Conversation = Callable[[str], Awaitable[list[float]]]
"""One caller's whole session; gives the seconds of each reply."""


def conversation(writers: Writers, carrier: Carrier, to: str, *texts: str) -> Conversation:
    """Callers who write these texts, each after the reply to the one before."""

    async def talk(caller: str) -> list[float]:
        took = []
        for text in texts:
            reply = carrier.reply_to(caller)
            began = time.perf_counter()
            await writers.send(caller, to, text)
            await asyncio.wait_for(reply, 60)
            took.append(time.perf_counter() - began)
        return took

    return talk


_callers = itertools.count(time.time_ns() % 10**9)


async def at_once(talk: Conversation, callers: int, sessions: int) -> Figures:
    """As fast as it goes with so many callers at once."""
    figures = Figures()
    left = iter(range(sessions))
    began = time.perf_counter()

    async def one_after_another() -> None:
        for _ in left:
            figures.replies.extend(await talk(f"+1{next(_callers):010d}"))
            figures.sessions += 1

    await asyncio.gather(*(one_after_another() for _ in range(callers)))
    figures.seconds = time.perf_counter() - began
    return figures


async def at_rate(talk: Conversation, rate: float, sessions: int) -> Figures:
    """Sessions that start at a steady rate, whatever becomes of those before."""
    figures = Figures()
    began = time.perf_counter()
    running = []
    for index in range(sessions):
        await asyncio.sleep(max(0.0, began + index / rate - time.perf_counter()))
        running.append(asyncio.ensure_future(talk(f"+1{next(_callers):010d}")))
    for took in await asyncio.gather(*running):
        figures.replies.extend(took)
        figures.sessions += 1
    figures.seconds = time.perf_counter() - began
    return figures
