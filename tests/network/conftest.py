"""An edge as a real process, a carrier that misbehaves on demand, and a worker that speaks the bus's contract."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import aiohttp
import msgspec
import nats.errors
import pytest
from aiohttp import web
from nats.js import JetStreamContext
from tests.conftest import NATS_SERVER, free_port

from twinline.bus import Bus, BusAddress, names
from twinline.model.applications import AddressEntry, ApplicationEntry, Carrier, Language, Version
from twinline.model.builds import BuildState, Cluster, ClusterPointer
from twinline.model.messages import (
    ConversationClosed,
    OutboundMessage,
    StartSession,
    Undeliverable,
    WorkItem,
)
from twinline.network.carriers import generic

SECRET = "shared with the carrier"
ADDRESS = "+15550001"
VERSION = Version(digest="d" * 64, entry="main.py", language=Language.PYTHON)


async def eventually(truth: Callable[[], bool | Awaitable[bool]], *, within: float = 20.0) -> None:
    """Wait until something holds; fail when it does not in time."""
    async with asyncio.timeout(within):
        while True:
            held = truth()
            if held is True or (not isinstance(held, bool) and await held):
                return
            await asyncio.sleep(0.02)


async def publish_state(
    bus: Bus,
    carrier_url: str,
    *,
    address: str = ADDRESS,
    kind: str = "generic",
    build: int | None = 1,
    live: bool = True,
) -> None:
    """What the control plane would publish for one production application with one address."""
    carrier = Carrier(kind, carrier_url, SECRET)
    await bus.put(names.DIRECTORY, names.address_key(address), AddressEntry(address, "shop", carrier))
    entry = ApplicationEntry("shop", Cluster.PRODUCTION, VERSION if live else None)
    await bus.put(names.APPLICATIONS, "shop", entry)
    states = {build: BuildState.CURRENT} if build else {}
    await bus.put(names.CLUSTERS, Cluster.PRODUCTION, ClusterPointer(Cluster.PRODUCTION, build, 1, states))


class BusServer:
    """A NATS server that can be killed, started again on the same data, and given a small disk."""

    def __init__(self, folder: Path, disk: str = "") -> None:
        self._folder = folder / "bus"
        self._folder.mkdir()
        port = free_port()
        self.address = BusAddress(f"nats://127.0.0.1:{port}", "secret")
        limit = f"max_file_store: {disk}" if disk else ""
        store = f'store_dir: "{self._folder}"'
        (self._folder / "nats.conf").write_text(
            f"listen: 127.0.0.1:{port}\nauthorization {{ token: secret }}\njetstream {{ {store}\n {limit} }}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [NATS_SERVER, "--config", self._folder / "nats.conf", "--log", self._folder / "nats.log"]
        )

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@pytest.fixture
def bus_server(tmp_path: Path) -> Iterator[Callable[..., BusServer]]:
    """Makes bus servers that are ended with the test."""
    made: list[BusServer] = []

    def make(**options: str) -> BusServer:
        made.append(BusServer(tmp_path, **options))
        made[-1].start()
        return made[-1]

    yield make
    for server in made:
        server.kill()


class EdgeProcess:
    """The edge, started and killed like any process."""

    def __init__(self, address: BusAddress, folder: Path, options: tuple[str, ...] = ()) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "edge.log"
        self.token = folder / "token"
        self.token.write_text(address.token)
        self._command = [
            sys.executable, "-m", "twinline.network.main", "--nats-url", address.url,
            "--nats-token-file", str(self.token), "--port", str(self.port), "--sender-rate", "100000", *options,
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stderr=log)

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def ended(self, *, within: float = 20.0) -> int:
        """Wait until it ends by itself; returns its exit code."""
        assert self._process is not None
        return self._process.wait(within)

    def stop(self) -> int:
        """Ask it to stop; returns its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(20)

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def ready(self, *, within: float = 20.0) -> None:
        async with asyncio.timeout(within), aiohttp.ClientSession() as client:
            while True:
                try:
                    async with client.get(self.url + "/healthz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.03)


@pytest.fixture
def edge_process(bus_address: BusAddress, tmp_path: Path) -> Iterator[Callable[..., EdgeProcess]]:
    """Makes edges (not started) that are ended with the test."""
    made: list[EdgeProcess] = []

    def make(*options: str) -> EdgeProcess:
        made.append(EdgeProcess(bus_address, tmp_path, options))
        return made[-1]

    yield make
    for edge in made:
        if edge._process is not None and edge._process.poll() is None:
            edge.kill()


class FakeCarrier:
    """A carrier's HTTP side. `behave` decides the answer; every post is kept, accepted or not."""

    def __init__(self) -> None:
        self.posts: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.accepted: list[str] = []
        self.url = ""
        self.behave: Callable[[dict[str, str]], Awaitable[web.StreamResponse] | web.StreamResponse] = lambda _post: (
            web.Response(status=202)
        )

    async def take(self, request: web.Request) -> web.StreamResponse:
        if request.content_type == "application/json":
            post = await request.json()
            generic.Generic().verify(_arrival(request, await request.read()), Carrier("generic", "", SECRET), now(), 60)
        else:
            post = dict(await request.post())
        self.posts.append(post)
        self.headers.append(dict(request.headers))
        answer = self.behave(post)
        if not isinstance(answer, web.StreamResponse):
            answer = await answer
        if answer.status < 300:
            self.accepted.append(post.get("id") or request.headers["Idempotency-Key"])
        return answer


def _arrival(request: web.Request, body: bytes) -> generic.Arrival:
    return generic.Arrival(str(request.url), {name.lower(): value for name, value in request.headers.items()}, body)


def now() -> float:
    return time.time()


@pytest.fixture
async def carrier() -> AsyncIterator[FakeCarrier]:
    fake = FakeCarrier()
    application = web.Application()
    application.router.add_post("/{tail:.*}", fake.take)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    fake.url = f"http://127.0.0.1:{port}/replies"
    yield fake
    await runner.cleanup()


class FakeWorker:
    """Takes work as a worker does: sessions end after `turns` messages, and each message is replied to."""

    def __init__(self, bus: Bus, name: str, *, turns: int = 2, linger: float = 0.0) -> None:
        self.taken: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
        self.sessions: dict[str, StartSession] = {}
        self.ended: set[str] = set()
        self._bus = bus
        self._name = name
        self._turns = turns
        self._linger = linger
        self._seen: set[tuple[str, int]] = set()

    async def run(self) -> None:
        jetstream = self._bus.jetstream
        queue = await jetstream.pull_subscribe(names.work_subject(self._name), durable=f"w-{self._name}")
        try:
            async with asyncio.TaskGroup() as closings:
                while True:
                    await self._take_some(queue, closings)
        finally:
            await queue.unsubscribe()

    async def _take_some(self, queue: JetStreamContext.PullSubscription, closings: asyncio.TaskGroup) -> None:
        try:
            batch = await queue.fetch(100, timeout=1)
        except (TimeoutError, nats.errors.Error):
            assert not self._bus.client.is_closed
            await asyncio.sleep(0.02)
            return
        for message in batch:
            await self._take(msgspec.json.decode(message.data, type=WorkItem), closings)
            await message.ack()

    async def _take(self, item: WorkItem, closings: asyncio.TaskGroup) -> None:
        if isinstance(item, StartSession):
            assert item.session not in self.sessions, "a session was started twice"
            self.sessions[item.session] = item
        start = self.sessions[item.session]
        if item.session in self.ended:
            return
        assert (item.session, item.sequence) not in self._seen, "a message was delivered twice"
        self._seen.add((item.session, item.sequence))
        self.taken[start.conversation].append((item.sequence, item.session, item.text))
        await self._reply(start, item)
        if sum(1 for _, session, _ in self.taken[start.conversation] if session == item.session) >= self._turns:
            self.ended.add(item.session)
            closings.create_task(self._close(start, item.sequence))

    async def _reply(self, start: StartSession, item: WorkItem) -> None:
        reply = OutboundMessage(
            id=hashlib.sha256(f"{item.session}{item.sequence}".encode()).hexdigest()[:32],
            session=item.session, application=start.application, address=start.address,
            sender=start.address, recipient=start.caller, text=f"you said {item.text}", network=start.network,
        )  # fmt: skip
        await self._bus.publish(names.OUTBOUND_SUBJECT, reply, once=reply.id)

    async def _close(self, start: StartSession, consumed: int) -> None:
        await asyncio.sleep(self._linger)
        closed = ConversationClosed(start.conversation, start.session, consumed)
        await self._bus.publish(names.INBOUND_SUBJECT, closed, once=f"closed:{start.session}")


@pytest.fixture
async def start_worker() -> AsyncIterator[Callable[..., FakeWorker]]:
    """Starts workers that are ended with the test."""
    tasks: list[asyncio.Task[None]] = []

    def start(bus: Bus, name: str = "production-1-0", **options: float) -> FakeWorker:
        made = FakeWorker(bus, name, **options)
        tasks.append(asyncio.create_task(made.run()))
        return made

    yield start
    for task in tasks:
        if task.done():
            task.result()
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def worker(bus: Bus, start_worker: Callable[..., FakeWorker]) -> Callable[..., FakeWorker]:
    """Starts workers on the test's bus."""
    return partial(start_worker, bus)


async def post_message(
    client: aiohttp.ClientSession, edge: EdgeProcess, text: str, *, identifier: str, sender: str = "+15559",
    address: str = ADDRESS, secret: str = SECRET,
) -> aiohttp.ClientResponse:  # fmt: skip
    """A carrier's signed JSON message."""
    body = msgspec.json.encode({"to": address, "from": sender, "text": text, "id": identifier})
    headers = {"Content-Type": "application/json", generic.SIGNATURE_HEADER: generic.sign(secret, body, now())}
    answer = await client.post(edge.url + "/messages", data=body, headers=headers)
    await answer.read()
    return answer


async def undeliverable(bus: Bus) -> list[Undeliverable]:
    """Everything that was given up."""
    info = await bus.jetstream.stream_info(names.UNDELIVERABLE)
    found = []
    for sequence in range(1, info.state.last_seq + 1):
        raw = await bus.jetstream.get_msg(names.UNDELIVERABLE, sequence)
        found.append(msgspec.json.decode(raw.data or b"", type=Undeliverable))
    return found
