"""Inside a sandbox: turns a Python script's HTTP clients to the outbound proxy.

Comes in: the session's proxy credentials and the proxy's certificate authority. Goes out: a process in which `urllib`,
`http.client`, `requests`, `urllib3`, `httpx` and asyncio's clients reach the world through the proxy, unaware of it.
Standard library only, Python 3.8 and later.

There is no name service and no network here, so two things of `socket` are replaced: looking a name up gives a
made-up address that stands for it, and connecting to anything opens a tunnel (CONNECT) to what the address stands for.
"""

from __future__ import annotations

import errno
import os
import socket
from binascii import b2a_base64

TYPE_CHECKING = False  # that of `typing`, which takes milliseconds to load
if TYPE_CHECKING:
    from collections.abc import Sequence

    _Connectable = tuple[str, int] | tuple[str, int, int, int] | str | bytes
    _Found = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
    _AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, _Found]

PROXY = ("127.0.0.1", 3128)
"""Where the relay listens. Whoever started it elsewhere says so here before `install`."""

STAND_INS = "198.18.{}.{}"
"""Addresses that stand for names. RFC 2544 keeps 198.18.0.0/15 for benchmarks, so no real host has one."""

TUNNEL_PATIENCE = 30.0
"""Seconds for the proxy to open a tunnel. It answers before it has talked to anybody, so this means that it is gone."""

REPLY_LIMIT = 16 * 1024

_real_connect = socket.socket.connect
_real_getaddrinfo = socket.getaddrinfo


def install(credentials: str, ca_file: str) -> None:
    """Turn this process's clients, and by the environment those of its children, to the proxy.

    `credentials` is `user:password`; `ca_file` a PEM file. To be called once, before the script.
    """
    proxy = f"http://{credentials}@{PROXY[0]}:{PROXY[1]}"
    for name in ("http_proxy", "https_proxy"):
        os.environ[name] = os.environ[name.upper()] = proxy
    for name in ("no_proxy", "NO_PROXY"):
        os.environ.pop(name, None)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        os.environ[name] = ca_file
    global _way  # noqa: PLW0603  # a process has one way out, and the functions put into `socket` must find it
    _way = _Way(credentials)
    socket.getaddrinfo = _getaddrinfo  # type: ignore[assignment]
    socket.gethostbyname = _gethostbyname
    socket.socket.connect = _connect  # type: ignore[assignment, method-assign]
    socket.socket.connect_ex = _connect_ex  # type: ignore[assignment, method-assign]


class _Way:
    """This process's way out: what the proxy knows it by, and the names looked up so far.

    A name's stand-in address says its place in the list.
    """

    def __init__(self, credentials: str) -> None:
        self.authorization = b"Basic " + b2a_base64(credentials.encode(), newline=False)
        self._names: list[str] = []

    def stand_in(self, name: str) -> str:
        """The address that stands for `name`."""
        if name not in self._names:
            self._names.append(name)
        return STAND_INS.format(*divmod(self._names.index(name) + 1, 256))

    def meant(self, address: str) -> str:
        """The name that `address` stands for, or the address itself."""
        parts = address.split(".")
        if len(parts) == 4 and parts[:2] == ["198", "18"]:
            place = int(parts[2]) * 256 + int(parts[3]) - 1
            if 0 <= place < len(self._names):
                return self._names[place]
        return address


_way = _Way("")


def _getaddrinfo(  # noqa: PLR0917  # as the function that it stands in for
    host: str | bytes | None, port: str | int | None, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> Sequence[_AddressInfo]:
    name = host.decode() if isinstance(host, bytes) else host
    try:
        return _real_getaddrinfo(name, port, family, type, proto, flags | socket.AI_NUMERICHOST)
    except socket.gaierror:
        if name is None or family == socket.AF_INET6 or flags & socket.AI_NUMERICHOST:
            raise
    return _real_getaddrinfo(_way.stand_in(name.rstrip(".").lower()), port, socket.AF_INET, type, proto)


def _gethostbyname(name: str) -> str:
    return str(_getaddrinfo(name, None, socket.AF_INET)[0][4][0])


def _connect(self: socket.socket, address: _Connectable) -> None:
    target = _target(self, address)
    if target is None:
        return _real_connect(self, address)
    patience = self.gettimeout()
    self.settimeout(patience or TUNNEL_PATIENCE)
    try:
        _open_tunnel(self, target)
    finally:
        self.settimeout(patience)
    return None


def _connect_ex(self: socket.socket, address: _Connectable) -> int:
    try:
        self.connect(address)
    except OSError as error:
        return error.errno or errno.ECONNREFUSED
    return 0


def _target(sock: socket.socket, address: _Connectable) -> str | None:
    """What the proxy is to connect to, as `host:port`; None when the socket does not leave the sandbox."""
    internet = sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM
    if not internet or not isinstance(address, tuple) or address[:2] == PROXY:
        return None
    host = str(address[0])
    if sock.family == socket.AF_INET6:
        return f"[{host}]:{address[1]}"
    return f"{_way.meant(_gethostbyname(host))}:{address[1]}"


def _open_tunnel(sock: socket.socket, target: str) -> None:
    """Make `sock` a connection to `target` through the proxy. Raises ConnectionRefusedError when the proxy says no."""
    mapped = "::ffff:" if sock.family == socket.AF_INET6 else ""  # the relay listens on IPv4 alone
    _real_connect(sock, (mapped + PROXY[0], PROXY[1]))
    request = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: ".encode()
    sock.sendall(request + _way.authorization + b"\r\n\r\n")
    reply = b""
    # One byte at a time: what follows the reply's end belongs to the script's client.
    while not reply.endswith(b"\r\n\r\n") and len(reply) < REPLY_LIMIT:
        byte = sock.recv(1)
        if not byte:
            break
        reply += byte
    if reply.split(b" ", 2)[1:2] != [b"200"]:
        status = reply.split(b"\r\n", 1)[0].decode("latin-1") or "no answer"
        raise ConnectionRefusedError(errno.ECONNREFUSED, f"the outbound proxy opened no way to {target}: {status}")
