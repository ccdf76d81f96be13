"""A Python script's HTTP clients, unaware of the proxy, reach the world through it."""

import gzip

import pytest
from aiohttp import web
from tests.runtime.outbound.world import Sandbox, World


async def test_urllib_over_http(sandbox: Sandbox, world: World) -> None:
    script = f"from urllib.request import urlopen; print(urlopen('{world.plain}/a?b=c').read().decode())"
    assert await sandbox.run(script) == "GET /a?b=c"
    assert sandbox.told.only.request.url == f"{world.plain}/a?b=c"
    assert sandbox.told.only.response is not None
    assert sandbox.told.only.response.body == "GET /a?b=c"


async def test_urllib_over_https_trusts_the_proxys_authority(sandbox: Sandbox, world: World) -> None:
    script = f"from urllib.request import urlopen; print(urlopen('{world.secure}/a', b'x=1').read().decode())"
    assert await sandbox.run(script) == "POST /a x=1"
    assert sandbox.told.only.request.url == f"{world.secure}/a"
    assert sandbox.told.only.request.body == "x=1"


async def test_a_relay_at_another_port(sandbox: Sandbox, world: World) -> None:
    script = f"""
from http.client import HTTPConnection
from urllib.request import urlopen
connection = HTTPConnection("{world.plain.partition("//")[2]}")
connection.request("GET", "/b")
print(urlopen("{world.plain}/a").read().decode(), connection.getresponse().read().decode())
"""
    assert await sandbox.run(script, port=4321) == "GET /a GET /b"


@pytest.mark.parametrize("kind", ["HTTPConnection", "HTTPSConnection"])
async def test_http_client_used_directly_keeps_its_connection(sandbox: Sandbox, world: World, kind: str) -> None:
    url = world.secure if kind == "HTTPSConnection" else world.plain
    script = f"""
from http.client import {kind}
connection = {kind}("{url.partition("//")[2]}")
for place in range(3):
    connection.request("PUT", f"/{{place}}", body=b"data", headers={{"Content-Type": "text/plain"}})
    print(connection.getresponse().read().decode())
"""
    assert (await sandbox.run(script)).splitlines() == ["PUT /0 data", "PUT /1 data", "PUT /2 data"]
    assert [exchange.request.url for exchange in sandbox.told.exchanges] == [f"{url}/{place}" for place in range(3)]


async def test_a_client_made_of_asyncio_streams(sandbox: Sandbox, world: World) -> None:
    script = f"""
import asyncio, ssl
async def main():
    host, port = "{world.secure.partition("//")[2]}".split(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=ssl.create_default_context())
    writer.write(b"GET /asyncio HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n")
    print((await reader.read()).decode().splitlines()[-1])
    writer.close()
asyncio.run(main())
"""
    assert await sandbox.run(script) == "GET /asyncio"


async def test_threads_of_one_script_at_once(sandbox: Sandbox, world: World) -> None:
    script = f"""
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen
with ThreadPoolExecutor(20) as pool:
    answers = pool.map(lambda n: urlopen(f"{world.secure}/{{n}}").read().decode(), range(60))
assert list(answers) == [f"GET /{{n}}" for n in range(60)]
"""
    await sandbox.run(script)
    assert len(sandbox.told.exchanges) == 60


async def test_redirects_are_followed_by_the_script_and_each_step_is_told(sandbox: Sandbox, world: World) -> None:
    async def redirect(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/there"})

    world.answers["/here"] = redirect
    script = f"from urllib.request import urlopen; print(urlopen('{world.plain}/here').read().decode())"
    assert await sandbox.run(script) == "GET /there"
    statuses = [exchange.response.status for exchange in sandbox.told.exchanges if exchange.response]
    assert statuses == [302, 200]


async def test_a_compressed_body_reaches_the_script_as_it_was_sent_and_the_transcript_readable(
    sandbox: Sandbox, world: World
) -> None:
    async def compressed(_: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"})

    world.answers["/gzip"] = compressed
    script = f"""
import gzip
from urllib.request import urlopen
print(gzip.decompress(urlopen('{world.plain}/gzip').read()).decode())
"""
    assert await sandbox.run(script) == '{"a": 1}'
    assert sandbox.told.only.response is not None
    assert sandbox.told.only.response.body == '{"a": 1}'
    assert "content-encoding" not in sandbox.told.only.response.headers


async def test_chunked_bodies_both_ways(sandbox: Sandbox, world: World) -> None:
    async def chunked(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        async for chunk in request.content.iter_any():
            await answer.write(chunk.upper())
        return answer

    world.answers["/chunks"] = chunked
    script = f"""
from http.client import HTTPConnection
connection = HTTPConnection("{world.plain.partition("//")[2]}")
connection.request("POST", "/chunks", body=iter([b"one", b"two"]), encode_chunked=True)
print(connection.getresponse().read().decode())
"""
    assert await sandbox.run(script) == "ONETWO"
    assert sandbox.told.only.request.body == "onetwo"


async def test_binary_bodies_are_told_in_base64(sandbox: Sandbox, world: World) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read(), content_type="application/octet-stream")

    world.answers["/echo"] = echo
    script = f"""
from urllib.request import urlopen
every = bytes(range(256))
assert urlopen("{world.plain}/echo", every).read() == every
"""
    await sandbox.run(script)
    assert sandbox.told.only.request.encoded
    assert sandbox.told.only.response is not None
    assert sandbox.told.only.response.encoded


async def test_head_and_statuses_without_a_body(sandbox: Sandbox, world: World) -> None:
    async def nothing(_: web.Request) -> web.Response:
        return web.Response(status=204)

    world.answers["/nothing"] = nothing
    script = f"""
from http.client import HTTPConnection
connection = HTTPConnection("{world.plain.partition("//")[2]}")
for method, path in (("HEAD", "/a"), ("DELETE", "/nothing"), ("GET", "/b")):
    connection.request(method, path)
    answer = connection.getresponse()
    print(answer.status, answer.getheader("Content-Length"), answer.read())
"""
    lines = (await sandbox.run(script)).splitlines()
    assert lines == ["200 7 b''", "204 None b''", "200 6 b'GET /b'"]


async def test_names_without_a_proxy_do_not_resolve_to_anything_real(sandbox: Sandbox) -> None:
    script = """
import socket
first, again = socket.gethostbyname("example.com"), socket.gethostbyname("EXAMPLE.com.")
assert first == again and first.startswith("198.18."), first
assert socket.getaddrinfo("127.0.0.1", 80)[0][4] == ("127.0.0.1", 80)
"""
    await sandbox.run(script)
    assert sandbox.told.exchanges == []


async def test_what_is_no_http_gets_no_way_out(sandbox: Sandbox, world: World) -> None:
    script = f"""
import socket
talk = socket.create_connection({tuple(world.plain.partition("//")[2].split(":"))!r})
talk.settimeout(5)
talk.sendall(b"\\x00\\x01\\x02 not http\\r\\n\\r\\n")
print(talk.recv(12))
"""
    assert await sandbox.run(script) == "b'HTTP/1.1 400'"
    assert world.seen == []
