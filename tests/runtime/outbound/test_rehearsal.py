"""In a rehearsal the outside answers as it did, and nothing is ever sent."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from tests.runtime.outbound.world import Sandbox, Told, World, ask

from twinline.runtime.outbound import Cassette, Live, OutboundProxy, Recorded

SCRIPT = """
import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

def ask(url, body=None):
    try:
        with urlopen(Request(url, body, {"Content-Type": "application/json"})) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()

"""


def rehearsal(live: Sandbox, name: str = "lane") -> Sandbox:
    """A sandbox with the cassette of what the live one has done."""
    told = Told()
    credentials = live.proxy.register(name, Recorded(Cassette(live.told.exchanges), told))
    return Sandbox(live.proxy, live.socket, credentials, told, live.folder, live.prefix)


async def test_a_script_gets_the_same_answers_and_the_world_sees_nothing(sandbox: Sandbox, world: World) -> None:
    count = 0

    async def counting(_: web.Request) -> web.Response:
        nonlocal count
        count += 1
        return web.json_response({"count": count}, headers={"Set-Cookie": "a=b"})

    async def failing(_: web.Request) -> web.Response:
        return web.json_response({"no": "way"}, status=503)

    world.answers |= {"/count": counting, "/fail": failing}
    script = (
        SCRIPT
        + f"""
for n in range(3):
    print(ask("{world.secure}/count"), ask("{world.plain}/fail", json.dumps({{"n": n, "m": 1}}).encode()))
print(ask("http://127.0.0.1:9/refused"), ask("http://nobody.invalid/"))
"""
    )
    live = await sandbox.run(script)
    assert '{"count": 3}' in live
    seen = list(world.seen)
    for name in ("baseline", "control"):
        lane = rehearsal(sandbox, name)
        assert await lane.run(script) == live
        assert lane.told.exchanges == sandbox.told.exchanges
    assert world.seen == seen


@pytest.mark.parametrize("version", ["22", "24"])
async def test_what_one_language_recorded_another_build_of_it_gets(
    sandbox: Sandbox, world: World, version: str, nodes: dict[str, Path]
) -> None:
    script = f"""
(async () => {{
  const ask = async (body) => (await fetch('{world.secure}/a', {{ method: 'POST', body }})).text();
  for (const body of ['b1', 'b2']) console.log(await ask(body));
}})();
"""
    live = await sandbox.run(script, nodes["22"])
    seen = list(world.seen)
    assert await rehearsal(sandbox).run(script, nodes[version]) == live == "POST /a b1\nPOST /a b2"
    assert world.seen == seen


async def test_an_exchange_that_is_not_in_the_cassette_is_a_miss(sandbox: Sandbox, world: World) -> None:
    script = SCRIPT + f"print(ask('{world.plain}/a'))"
    await sandbox.run(script)
    lane = rehearsal(sandbox)
    said = await lane.run(script.replace("/a'", "/b'"))
    miss = f"cassette miss: GET {world.plain}/b (nearest recorded: GET {world.plain}/a)"
    assert said == repr((504, f"{miss}\n"))
    assert (lane.told.only.error, lane.told.only.response) == (miss, None)
    assert world.seen == ["GET /a"]


async def test_nothing_that_a_script_says_to_the_proxy_reaches_the_world(sandbox: Sandbox, world: World) -> None:
    """Plain requests, tunnels, TLS in tunnels, protocols that are no HTTP, upgrades: a server that counts sees none."""
    reached = 0

    async def count(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal reached
        reached += 1
        writer.close()

    async with await asyncio.start_server(count, "127.0.0.1", 0) as server:
        here = "127.0.0.1:" + str(server.sockets[0].getsockname()[1])
        script = f"""
import socket, ssl
from http.client import HTTPConnection, HTTPSConnection
from urllib.request import ProxyHandler, build_opener
def tried(what):
    try:
        what()
    except Exception as error:
        print(type(error).__name__)
host, port = "{here}".split(":")
tried(lambda: build_opener(ProxyHandler({{}})).open("http://{here}/"))
tried(lambda: HTTPConnection("{here}").request("GET", "/"))
tried(lambda: HTTPSConnection("{here}", context=ssl._create_unverified_context()).request("GET", "/"))
def raw(data):
    with socket.create_connection((host, int(port)), timeout=1) as talk:
        talk.sendall(data)
        talk.recv(100)
tried(lambda: raw(b"SSH-2.0-x\\r\\n"))
tried(lambda: raw(b"GET / HTTP/1.1\\r\\nHost: {here}\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n"))
tried(lambda: raw(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n"))
"""
        await rehearsal(sandbox).run(script)
    assert reached == 0
    assert world.seen == []


async def test_a_recorded_answer_that_was_not_kept_is_a_miss_that_says_so(
    proxy: OutboundProxy, tmp_path: Path, world: World
) -> None:
    async def large(_: web.Request) -> web.Response:
        return web.Response(body=bytes(300_000))

    world.answers["/large"] = large
    live, lane = Told(), Told()
    at, url = tmp_path / "out.sock", f"{world.plain}/large"
    assert (await ask(at, proxy.register("live", Live(live)), url)).status == 200
    credentials = proxy.register("lane", Recorded(Cassette(live.exchanges), lane))
    answer = await ask(at, credentials, url)
    assert (answer.status, answer.headers["x-twinline"]) == (504, "cassette-miss")
    assert "not kept: the answer's body is over the 262,144 bytes" in lane.only.error


async def test_a_script_that_gave_up_waiting_gives_up_again(sandbox: Sandbox, world: World) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    world.answers["/hang"] = hang
    script = f"""
import time
from urllib.request import urlopen
try:
    urlopen("{world.plain}/hang", timeout=0.3)
except OSError as error:
    print(type(error).__name__, error)
time.sleep(0.2)
"""
    live = await sandbox.run(script)
    assert "timed out" in live
    assert sandbox.told.only.error.startswith("abandoned: ")
    assert await rehearsal(sandbox).run(script) == live
    assert world.seen == ["GET /hang"]


async def test_a_rebuilt_session_gets_what_it_had_and_then_the_world(
    proxy: OutboundProxy, tmp_path: Path, world: World
) -> None:
    before, after, rebuilding = Told(), Told(), True
    at = tmp_path / "out.sock"
    credentials = proxy.register("died", Live(before))
    await ask(at, credentials, f"{world.plain}/had")
    credentials = proxy.register("again", Live(after, Cassette(before.exchanges), lambda: rebuilding))
    assert (await ask(at, credentials, f"{world.plain}/had")).body == b"GET /had"
    assert world.seen == ["GET /had"]
    await ask(at, credentials, f"{world.plain}/under-way-at-the-crash")
    rebuilding = False
    await ask(at, credentials, f"{world.plain}/had")
    assert world.seen == ["GET /had", "GET /under-way-at-the-crash", "GET /had"]
    assert [msgspec.structs.replace(e, at=0.0) for e in after.exchanges[:1]] == before.exchanges
