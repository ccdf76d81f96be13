"""The proxy answers those it knows, within its limits, and is not harmed by what it is sent."""

import asyncio
import gc
import random
import socket
import ssl
import stat
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import uvloop
from aiohttp import web
from tests.runtime.outbound.conftest import started
from tests.runtime.outbound.world import Told, World, ask, settled

from twinline.model.errors import Conflict, Mistake
from twinline.runtime.outbound import Live, OutboundProxy, OutboundSettings


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def credentials(proxy: OutboundProxy, told: Told) -> str:
    return proxy.register("session", Live(told))


@pytest.fixture
def at(tmp_path: Path) -> Path:
    return tmp_path / "out.sock"


# Who may pass


@pytest.mark.parametrize("wrong", ["", "session", "session:", "session:guess", ":", "\N{SNOWMAN}:x"])
async def test_unknown_credentials_get_407_and_nothing_else(
    at: Path, credentials: str, told: Told, world: World, wrong: str
) -> None:
    answer = await ask(at, wrong, f"{world.plain}/a")
    assert answer.status == 407
    assert "proxy-authenticate" in answer.headers
    assert (world.seen, told.exchanges) == ([], [])


@pytest.mark.parametrize("field", ["", "Proxy-Authorization: Basic !!!\r\n", "Proxy-Authorization: Bearer x\r\n"])
async def test_no_or_broken_credentials_open_no_tunnel(at: Path, credentials: str, field: str) -> None:
    reader, writer = await asyncio.open_unix_connection(at)
    writer.write(f"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n{field}\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 407")
    writer.close()


async def test_credentials_end_with_their_session_even_in_an_open_tunnel(
    proxy: OutboundProxy, at: Path, credentials: str, world: World
) -> None:
    reader, writer = await asyncio.open_unix_connection(at)
    host = world.plain.partition("//")[2]
    password = b64encode(credentials.encode()).decode()
    writer.write(f"CONNECT {host} HTTP/1.1\r\nProxy-Authorization: Basic {password}\r\n\r\n".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    request = f"GET /a HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    writer.write(request)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    proxy.unregister("session")
    writer.write(request)
    assert b"HTTP/1.1 407" in await reader.readuntil(b"credentials.\n")
    writer.close()
    assert world.seen == ["GET /a"]


async def test_the_world_never_sees_the_proxys_credentials(at: Path, credentials: str, world: World) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=str(dict(request.headers)).lower())

    world.answers["/headers"] = echo
    answer = await ask(at, credentials, f"{world.plain}/headers")
    assert answer.status == 200
    assert b"proxy" not in answer.body


async def test_a_session_is_registered_once_and_may_be_unregistered_twice(proxy: OutboundProxy, told: Told) -> None:
    proxy.register("a", Live(told))
    with pytest.raises(Conflict):
        proxy.register("a", Live(told))
    proxy.unregister("a")
    proxy.unregister("a")
    proxy.register("a", Live(told))


async def test_any_name_of_a_session_makes_credentials_that_fit_a_url(
    proxy: OutboundProxy, at: Path, told: Told, world: World
) -> None:
    credentials = proxy.register("lane 1/übung:@?#", Live(told))
    user, password = credentials.split(":")
    assert all(c.isascii() and (c.isalnum() or c in "-._~") for c in user + password)
    assert (await ask(at, credentials, f"{world.plain}/a")).status == 200


# Where it may go


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://localhost:9/", "localhost:9 leads to a loopback address"),
        ("http://127.0.0.1:9/", "127.0.0.1:9 leads to a loopback address (127.0.0.1)"),
        ("http://[::1]:9/", "[::1]:9 leads to a loopback address (::1)"),
        ("http://0.0.0.0:9/", "an unspecified address (0.0.0.0)"),
        ("http://2130706433:9/", "2130706433:9 "),
        ("http://0x7f.1:9/", "a loopback address (127.0.0.1)"),
        ("http://169.254.169.254/latest/meta-data", "a link-local address"),
        ("http://10.0.0.1/", "a private address"),
    ],
)
async def test_forbidden_places_get_403_with_the_reason(
    at: Path, credentials: str, told: Told, url: str, reason: str
) -> None:
    answer = await ask(at, credentials, url)
    assert (answer.status, answer.headers["x-twinline"]) == (403, "refused")
    assert reason in answer.body.decode()
    assert told.only.response is None
    assert told.only.error == answer.body.decode().strip()


def connections_refused(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The internet addresses that are connected to from now on; none of them is reached."""
    loop = asyncio.get_running_loop()
    really, connected = loop.sock_connect, []

    async def connect(sock: socket.socket, address: object) -> None:
        if sock.family == socket.AF_UNIX:
            return await really(sock, address)  # type: ignore[arg-type]
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(loop, "sock_connect", connect)
    return connected


async def test_the_address_that_was_judged_is_the_one_connected_to(
    proxy: OutboundProxy, at: Path, credentials: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(at, credentials, f"{world.plain}/first")  # so that everything is loaded
    loop, asked = asyncio.get_running_loop(), []
    really = loop.getaddrinfo

    async def rebinding(host: str, port: int, **more: int) -> object:
        """The world's address to the one who checks, this machine's own to whoever asks again."""
        asked.append(host)
        return await really("93.184.216.34" if len(asked) == 1 else "127.0.0.1", port, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "getaddrinfo", rebinding)
    port = world.plain.rpartition(":")[2]
    connected = connections_refused(monkeypatch)
    answer = await ask(at, credentials, f"http://rebinding.test:{port}/")
    assert answer.status == 502
    assert connected == [("93.184.216.34", int(port))]
    assert world.seen == ["GET /first"]


async def test_a_name_with_one_forbidden_address_is_reached_at_the_others_only(
    proxy: OutboundProxy, at: Path, credentials: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(at, credentials, f"{world.plain}/first")
    loop = asyncio.get_running_loop()
    really = loop.getaddrinfo

    async def two(host: str, port: int, **more: int) -> object:
        found = [await really(address, port, **more) for address in ("127.0.0.1", "93.184.216.34")]  # type: ignore[arg-type]
        return [info for infos in found for info in infos]

    monkeypatch.setattr(loop, "getaddrinfo", two)
    connected = connections_refused(monkeypatch)
    await ask(at, credentials, "http://two.test:80/")
    assert connected == [("93.184.216.34", 80)]


# When the world fails


async def test_nobody_there(at: Path, tmp_path: Path, told: Told, settings: OutboundSettings, free_port: int) -> None:
    here = f"127.0.0.1:{free_port}"
    folder = tmp_path / "other"
    async with started(folder, msgspec.structs.replace(settings, allow=frozenset({here}))) as proxy:
        answer = await ask(folder / "out.sock", proxy.register("s", Live(told)), f"http://{here}/")
    assert (answer.status, answer.headers["x-twinline"]) == (502, "unreachable")
    assert answer.body.decode() == f"unreachable: {here}: connection refused\n"
    assert told.only.error == f"unreachable: {here}: connection refused"


async def test_a_name_that_nobody_has(at: Path, credentials: str) -> None:
    answer = await ask(at, credentials, "http://nobody.invalid/")
    assert answer.body.decode() == "unreachable: nobody.invalid:80: the name is not known\n"


async def test_a_server_that_hangs(at: Path, credentials: str, told: Told, world: World) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    world.answers["/hang"] = hang
    answer = await ask(at, credentials, f"{world.plain}/hang")
    assert (answer.status, answer.headers["x-twinline"]) == (504, "timed-out")
    assert told.only.error == f"timed out: {world.plain.partition('//')[2]} did not answer within 3 s"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"\x00\xff garbage \r\n\r\n",
        b"HTTP/1.1 999999 X\r\n\r\n",
    ],
)
async def test_a_server_that_breaks_off_or_talks_nonsense(
    tmp_path: Path, told: Told, settings: OutboundSettings, said: bytes
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    here = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    folder = tmp_path / "other"
    async with server, started(folder, msgspec.structs.replace(settings, allow=frozenset({here}))) as proxy:
        answer = await ask(folder / "out.sock", proxy.register("s", Live(told)), f"http://{here}/")
    assert (answer.status, answer.headers["x-twinline"]) == (502, "unreachable")
    assert told.only.response is None


async def test_a_certificate_that_is_not_trusted(tmp_path: Path, world: World, told: Told) -> None:
    folder = tmp_path / "other"
    async with started(folder, OutboundSettings(allow=world.destinations)) as proxy:
        answer = await ask(folder / "out.sock", proxy.register("s", Live(told)), f"{world.secure}/")
    assert answer.status == 502
    assert "its certificate is not trusted" in answer.body.decode()
    assert world.seen == []


# Limits


@pytest.fixture
async def narrow(tmp_path: Path, settings: OutboundSettings) -> AsyncIterator[tuple[OutboundProxy, Path]]:
    """A proxy with small limits, and its socket."""
    limits = msgspec.structs.replace(
        settings, response_limit=10_000, request_limit=10_000, kept_limit=1_000, concurrency=3, connections=20,
        idle_timeout=0.5,
    )  # fmt: skip
    folder = tmp_path / "narrow"
    async with started(folder, limits) as proxy:
        yield proxy, folder / "out.sock"


async def test_an_answer_over_its_limit_is_an_error(
    narrow: tuple[OutboundProxy, Path], world: World, told: Told
) -> None:
    async def large(_: web.Request) -> web.Response:
        return web.Response(body=bytes(10_001))

    world.answers["/large"] = large
    proxy, at = narrow
    answer = await ask(at, proxy.register("s", Live(told)), f"{world.plain}/large")
    assert (answer.status, answer.headers["x-twinline"]) == (502, "too-large")


async def test_an_answer_too_large_to_be_kept_reaches_the_script(
    narrow: tuple[OutboundProxy, Path], world: World, told: Told
) -> None:
    async def large(_: web.Request) -> web.Response:
        return web.Response(body=bytes(1_001))

    world.answers["/large"] = large
    proxy, at = narrow
    answer = await ask(at, proxy.register("s", Live(told)), f"{world.plain}/large")
    assert (answer.status, answer.body) == (200, bytes(1_001))
    assert told.only.error.startswith("not kept: ")
    assert told.only.response is not None


async def test_a_request_over_its_limit_is_refused(
    narrow: tuple[OutboundProxy, Path], world: World, told: Told
) -> None:
    proxy, at = narrow
    answer = await ask(at, proxy.register("s", Live(told)), f"{world.plain}/a", "POST", bytes(10_001))
    assert answer.status == 413
    assert world.seen == []


async def test_a_head_without_end_ends_the_connection(narrow: tuple[OutboundProxy, Path]) -> None:
    _, at = narrow
    _, writer = await asyncio.open_unix_connection(at)
    writer.write(b"GET http://a/ HTTP/1.1\r\n")

    async def go_on_for_ever() -> None:
        while True:
            writer.write(b"X-More: yes\r\n" * 100)
            await writer.drain()

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(go_on_for_ever(), 5)
    writer.close()


async def test_an_idle_connection_is_closed(narrow: tuple[OutboundProxy, Path]) -> None:
    _, at = narrow
    reader, writer = await asyncio.open_unix_connection(at)
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


async def test_a_sessions_exchanges_take_turns_beyond_its_limit(
    narrow: tuple[OutboundProxy, Path], world: World, told: Told
) -> None:
    at_once = [0]

    async def count(_: web.Request) -> web.Response:
        at_once.append(at_once[-1] + 1)
        await asyncio.sleep(0.02)
        at_once.append(at_once[-1] - 1)
        return web.Response()

    world.answers["/count"] = count
    proxy, at = narrow
    credentials = proxy.register("s", Live(told))
    answers = await asyncio.gather(*(ask(at, credentials, f"{world.plain}/count") for _ in range(12)))
    assert {answer.status for answer in answers} == {200}
    assert max(at_once) == 3


async def test_connections_beyond_the_limit_are_closed_and_those_before_served(
    narrow: tuple[OutboundProxy, Path], world: World, told: Told
) -> None:
    proxy, at = narrow
    credentials = proxy.register("s", Live(told))
    idle = [await asyncio.open_unix_connection(at) for _ in range(20)]
    await asyncio.sleep(0.05)
    reader, writer = await asyncio.open_unix_connection(at)
    assert await reader.read() == b""
    for _, other in [*idle, (reader, writer)]:
        other.close()
    await settled(lambda: not proxy._connections)
    assert (await ask(at, credentials, f"{world.plain}/a")).status == 200


# What is given up


async def test_a_script_that_hangs_up_leaves_an_abandoned_exchange(
    at: Path, credentials: str, told: Told, world: World
) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    world.answers["/hang"] = hang
    asking = asyncio.create_task(ask(at, credentials, f"{world.plain}/hang"))
    await settled(lambda: world.seen)
    asking.cancel()
    await settled(lambda: told.exchanges)
    assert told.only.response is None
    assert told.only.error.startswith("abandoned: the script gave up after 0.")


async def test_unregistering_tells_what_was_under_way_and_then_nothing_more(
    proxy: OutboundProxy, at: Path, credentials: str, told: Told, world: World
) -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.2)
        return web.Response()

    world.answers["/slow"] = slow
    asking = asyncio.create_task(ask(at, credentials, f"{world.plain}/slow"))
    await settled(lambda: world.seen)
    proxy.unregister("session")
    assert [exchange.error.split(":")[0] for exchange in told.exchanges] == ["abandoned"]
    await asyncio.sleep(0.3)
    assert len(told.exchanges) == 1
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def test_leaving_the_proxy_ends_what_is_under_way(
    tmp_path: Path, settings: OutboundSettings, world: World
) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    world.answers["/hang"] = hang
    folder, told = tmp_path / "other", Told()
    async with asyncio.timeout(5):
        async with started(folder, settings) as proxy:
            asking = asyncio.create_task(
                ask(folder / "out.sock", proxy.register("s", Live(told)), f"{world.plain}/hang")
            )
            await settled(lambda: world.seen)
        await asyncio.gather(asking, return_exceptions=True)
    assert told.only.error.startswith("abandoned")
    assert not (folder / "out.sock").exists()


# Abuse


async def test_garbage_of_any_kind_harms_nobody(at: Path, credentials: str, world: World, proxy: OutboundProxy) -> None:
    chance = random.Random(1)
    pieces = [
        b"GET ", b"CONNECT ", b"http://a/", b" HTTP/1.1\r\n", b"Host: a\r\n", b"\r\n", b"\r\r\n\n: :",
        b"Content-Length: -1\r\n", b"Content-Length: 99999999999999\r\n", b"\x16\x03\x01\x02\x00\x01", b"\x00" * 50,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"ffffffffffff\r\n", b"Proxy-Authorization: Basic \xff\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Upgrade: websocket\r\nConnection: Upgrade\r\n", b"0\r\nTrailer: x\r\n\r\n", b"Expect: 100-continue\r\n",
    ]  # fmt: skip

    async def throw(garbage: bytes) -> None:
        reader, writer = await asyncio.open_unix_connection(at)
        try:
            writer.write(garbage)
            writer.write_eof()
            async with asyncio.timeout(5):
                await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()

    for _ in range(15):
        thrown = [b"".join(chance.choices(pieces, k=chance.randrange(1, 9))) for _ in range(20)]
        await asyncio.gather(*(throw(garbage) for garbage in [*thrown, chance.randbytes(200)]))
    assert world.seen == []
    assert (await ask(at, credentials, f"{world.plain}/a")).status == 200
    await settled(lambda: not proxy._connections)


async def test_a_request_with_trailers_ends_its_connection_only(at: Path, credentials: str, world: World) -> None:
    reader, writer = await asyncio.open_unix_connection(at)
    writer.write(
        f"POST {world.plain}/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n".encode()
    )
    async with asyncio.timeout(5):
        await reader.read()
    writer.close()
    assert (await ask(at, credentials, f"{world.plain}/a")).status == 200


async def test_nothing_is_left_of_closed_connections(
    proxy: OutboundProxy, at: Path, credentials: str, world: World
) -> None:
    async def round_of(size: int) -> int:
        await asyncio.gather(*(ask(at, credentials, f"{world.plain}/a") for _ in range(size)))
        await settled(lambda: not proxy._connections)
        await asyncio.sleep(0.05)
        gc.collect()
        return len(gc.get_objects())

    await round_of(50)
    before, tasks = await round_of(50), len(asyncio.all_tasks())
    after = await round_of(200)
    # Telling keeps each exchange: three objects and their strings. A connection left behind would be hundreds.
    assert (after - before) / 200 < 20
    assert len(asyncio.all_tasks()) == tasks


# What it keeps


async def test_the_authority_is_made_once_and_its_key_is_its_owners_alone(
    tmp_path: Path, settings: OutboundSettings
) -> None:
    folder = tmp_path / "many"
    async with started(folder, settings) as first:
        made = first.ca_file.read_bytes()
        assert stat.S_IMODE((first.ca_file.parent / "ca.key").stat().st_mode) == 0o600
    async with started(folder, settings) as second:
        assert second.ca_file.read_bytes() == made
    assert b"PRIVATE" not in made


async def test_several_proxies_that_start_at_once_share_one_authority(
    tmp_path: Path, settings: OutboundSettings, world: World, told: Told
) -> None:
    ca = tmp_path / "shared"
    proxies = [OutboundProxy(socket=tmp_path / f"{n}.sock", ca_folder=ca, settings=settings) for n in range(4)]
    await asyncio.gather(*(proxy.__aenter__() for proxy in proxies))
    trust = ssl.create_default_context(cafile=str(ca / "ca.pem"))
    try:
        for number, proxy in enumerate(proxies):
            password = proxy.register("s", Live(told))
            status = await through_tunnel(tmp_path / f"{number}.sock", password, world.secure, trust)
            assert status.startswith(b"HTTP/1.1 200")
    finally:
        await asyncio.gather(*(proxy.__aexit__(None, None, None) for proxy in proxies))


async def through_tunnel(at: Path, credentials: str, url: str, trust: ssl.SSLContext) -> bytes:
    """The status line that a GET over TLS in a tunnel gets."""
    host = url.partition("//")[2]
    reader, writer = await asyncio.open_unix_connection(at)
    password = b64encode(credentials.encode()).decode()
    writer.write(f"CONNECT {host} HTTP/1.1\r\nProxy-Authorization: Basic {password}\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    await writer.start_tls(trust, server_hostname=host.partition(":")[0])
    writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    status = await reader.readline()
    writer.close()
    return status


def test_a_socket_whose_path_is_too_long_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="at most 107 bytes"):
        OutboundProxy(socket=tmp_path / ("x" * 200), ca_folder=tmp_path, settings=OutboundSettings())


def test_it_serves_on_uvloop_too(tmp_path: Path, told: Told) -> None:
    async def answered() -> bytes:
        async with started(tmp_path, OutboundSettings()) as proxy:
            credentials = proxy.register("s", Live(told))
            return (await ask(tmp_path / "out.sock", credentials, "http://localhost:9/")).body

    assert uvloop.run(answered()).startswith(b"refused: localhost:9 leads to a loopback address")
