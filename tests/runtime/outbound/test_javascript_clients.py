"""A JavaScript script's HTTP clients, unaware of the proxy, reach the world through it, in every Node.js we run."""

from pathlib import Path

import pytest
from aiohttp import web
from tests.runtime.outbound.world import INSIDE, Sandbox, World


@pytest.mark.parametrize("scheme", ["plain", "secure"])
async def test_fetch(sandbox: Sandbox, world: World, node: Path, scheme: str) -> None:
    url = getattr(world, scheme)
    script = f"""
(async () => {{
  const answer = await fetch('{url}/a?b=c', {{ method: 'POST', body: JSON.stringify({{ a: 1 }}),
    headers: {{ 'content-type': 'application/json' }} }});
  console.log(answer.status, await answer.text());
}})();
"""
    assert await sandbox.run(script, node) == '200 POST /a?b=c {"a":1}'
    assert sandbox.told.only.request.url == f"{url}/a?b=c"
    assert sandbox.told.only.request.body == '{"a":1}'


@pytest.mark.parametrize("scheme", ["plain", "secure"])
async def test_requests_of_http_and_https(sandbox: Sandbox, world: World, node: Path, scheme: str) -> None:
    url = getattr(world, scheme)
    module = "https" if scheme == "secure" else "http"
    script = f"""
const client = require('{module}');
const request = client.request('{url}/a', {{ method: 'PUT' }}, (answer) => {{
  let body = '';
  answer.on('data', (chunk) => (body += chunk)).on('end', () => console.log(answer.statusCode, body));
}});
request.end('data');
"""
    assert await sandbox.run(script, node) == "200 PUT /a data"
    assert sandbox.told.only.request.url == f"{url}/a"


async def test_an_agent_that_keeps_connections(sandbox: Sandbox, world: World, node: Path) -> None:
    script = f"""
const https = require('node:https');
const agent = new https.Agent({{ keepAlive: true, maxSockets: 1 }});
const get = (n) => new Promise((resolve, reject) => {{
  https.get(`{world.secure}/${{n}}`, {{ agent }}, (answer) => {{
    const port = answer.socket.localPort;
    let body = '';
    answer.on('data', (chunk) => (body += chunk)).on('end', () => resolve([body, port]));
  }}).on('error', reject);
}});
(async () => {{
  const first = await get(1), second = await get(2);
  console.log(first[0], second[0], first[1] === second[1]);
  agent.destroy();
}})();
"""
    assert await sandbox.run(script, node) == "GET /1 GET /2 true"


async def test_an_agent_of_ones_own_and_none_at_all(sandbox: Sandbox, world: World, node: Path) -> None:
    script = f"""
const http = require('http');
class Mine extends http.Agent {{}}
for (const agent of [false, new Mine()])
  http.get('{world.plain}/a', {{ agent }}, (answer) => answer.on('data', (d) => console.log(String(d))));
"""
    assert (await sandbox.run(script, node)).splitlines() == ["GET /a", "GET /a"]


async def test_a_relay_at_another_port(sandbox: Sandbox, world: World, node: Path) -> None:
    script = f"fetch('{world.plain}/a').then((answer) => answer.text()).then(console.log)"
    assert await sandbox.run(script, node, port=4321) == "GET /a"


async def test_modules_that_are_imported(sandbox: Sandbox, world: World, node: Path) -> None:
    script = f"""
import('node:https').then(({{ get }}) => get('{world.secure}/a', (answer) =>
  answer.on('data', (chunk) => console.log(String(chunk)))));
"""
    assert await sandbox.run(script, node) == "GET /a"


async def test_many_at_once(sandbox: Sandbox, world: World, node: Path) -> None:
    script = f"""
(async () => {{
  const get = async (n) => (await fetch(`{world.secure}/${{n}}`)).text();
  const texts = await Promise.all([...Array(40).keys()].map(get));
  console.log(texts.every((text, n) => text === `GET /${{n}}`), texts.length);
}})();
"""
    assert await sandbox.run(script, node) == "true 40"
    assert len(sandbox.told.exchanges) == 40


async def test_redirects_compression_and_binary(sandbox: Sandbox, world: World, node: Path) -> None:
    async def redirect(_: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "/there"})

    async def compressed(request: web.Request) -> web.Response:
        answer = web.Response(body=bytes(range(256)))
        answer.enable_compression(web.ContentCoding.gzip)
        return answer

    world.answers |= {"/here": redirect, "/there": compressed}
    script = f"""
fetch('{world.secure}/here').then((answer) => answer.arrayBuffer()).then((body) => {{
  const bytes = new Uint8Array(body);
  console.log(bytes.length, bytes.every((value, place) => value === place));
}});
"""
    assert await sandbox.run(script, node) == "256 true"


async def test_a_place_that_is_refused_is_an_answer_that_says_why(sandbox: Sandbox, node: Path) -> None:
    script = """
fetch('http://127.0.0.1:9999/').then(async (answer) =>
  console.log(answer.status, answer.headers.get('x-twinline'), await answer.text()));
"""
    said = await sandbox.run(script, node)
    assert said == "403 refused refused: 127.0.0.1:9999 leads to a loopback address (127.0.0.1)"


async def test_a_script_without_http_does_not_pay_for_it(sandbox: Sandbox, node: Path) -> None:
    way_out = INSIDE / "way_out.js"
    script = f"""
const heavy = /NativeModule (http|https|tls|internal\\/deps\\/undici)/;
const loaded = process.moduleLoadList.filter((name) => heavy.test(name));
const version = Number(process.versions.node.split('.')[0]);
console.log(version < 22 ? 'none' : loaded.join() || 'none', typeof require('{way_out}').install);
"""
    assert await sandbox.run(script, node) == "none function"
