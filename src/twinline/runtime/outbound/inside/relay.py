"""Inside a sandbox: a TCP port on loopback that leads to the outbound proxy's unix socket.

Comes in: connections of scripts' HTTP clients. Goes out: the same bytes over the socket. It knows nothing of HTTP.
Standard library only, Python 3.8 and later: it runs under the interpreter that runs the scripts.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import struct

HOST = "127.0.0.1"
PORT = 3128
"""Squid's port, which people know as a proxy's."""

CONNECTION_LIMIT = 512
"""Connections at once. Two file descriptors each stay far under the usual limit of 1,024 times a few."""

BUFFER = 64 * 1024
"""Bytes held for a reader that is slow, before its writer is made to wait; a pipe of Linux holds the same."""

BACKLOG = 1024
"""Connections that wait to be taken. Beyond it Linux answers with SYN cookies and resets some that were told yes."""

PATIENCE = 5
"""Seconds for the worker to take a connection: it does so in microseconds unless it is stuck."""

PARENT_POLL = 1.0


def start(socket_path: str, host: str = HOST, port: int = PORT) -> int:
    """Listen at `host`:`port` and relay to `socket_path` in a child process that ends with this one.

    Returns the child's process id once the port accepts connections. Raises OSError when it cannot be had.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    parent = os.getpid()
    child = os.fork()
    if child:
        listener.close()
        return child
    status = 1
    try:
        _detach(listener.fileno())
        _Relay(listener, socket_path, parent).run()
        status = 0
    except BaseException as error:  # noqa: BLE001  # a forked child must never return into its parent's code
        os.write(2, f"twinline relay: {error!r}\n".encode())
    finally:
        os._exit(status)


def _detach(kept: int) -> None:
    """Let go of what the parent had: its files but for standard error (a session's channel held here would never
    end), and its way with signals."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    for descriptor in [int(name) for name in os.listdir("/proc/self/fd")]:
        if descriptor > 2 and descriptor != kept:
            with contextlib.suppress(OSError):  # the listing's own descriptor went with it
                os.close(descriptor)


class _Side:
    """One end of a relayed connection: its socket, what waits to be written to it, and whether it has been read out."""

    __slots__ = ("events", "finished", "outgoing", "peer", "shut", "sock")

    peer: _Side

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.outgoing = bytearray()
        self.finished = False
        self.shut = False
        self.events = 0


class _Relay:
    def __init__(self, listener: socket.socket, socket_path: str, parent: int) -> None:
        self.listener = listener
        self.socket_path = socket_path
        self.parent = parent
        self.selector = selectors.DefaultSelector()
        self.connections = 0
        self.accepting = False

    def run(self) -> None:
        """Relay until the parent has gone."""
        self.listener.setblocking(False)
        self._accept_when_room()
        patience: float | None = PARENT_POLL
        with contextlib.suppress(AttributeError, OSError):  # before Python 3.9 or Linux 5.3, ask now and then instead
            self.selector.register(os.pidfd_open(self.parent), selectors.EVENT_READ, "parent")
            patience = None
        while os.getppid() == self.parent:
            for key, mask in self.selector.select(patience):
                if key.data == "accept":
                    self._accept()
                elif key.data != "parent":
                    self._serve(key.data, mask)

    def _accept_when_room(self) -> None:
        room = self.connections < CONNECTION_LIMIT
        if room and not self.accepting:
            self.selector.register(self.listener, selectors.EVENT_READ, "accept")
        elif self.accepting and not room:
            self.selector.unregister(self.listener)
        self.accepting = room

    def _accept(self) -> None:
        try:
            client, _ = self.listener.accept()
        except OSError:  # the client left before it was accepted
            return
        upstream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Not `settimeout`: that would make a full backlog an error at once instead of something to wait for.
            upstream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", PATIENCE, 0))
            upstream.connect(self.socket_path)
        except OSError:  # the worker has gone or is stuck: the client sees a closed connection
            upstream.close()
            client.close()
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        left, right = _Side(client), _Side(upstream)
        left.peer, right.peer = right, left
        for side in (left, right):
            side.sock.setblocking(False)
            self._watch(side)
        self.connections += 1
        self._accept_when_room()

    def _watch(self, side: _Side) -> None:
        """Ask for what this side can do now: be read while its peer has room, be written while there is something."""
        events = 0
        if not side.finished and len(side.peer.outgoing) < BUFFER:
            events |= selectors.EVENT_READ
        if side.outgoing:
            events |= selectors.EVENT_WRITE
        if events == side.events:
            return
        if not side.events:
            self.selector.register(side.sock, events, side)
        elif events:
            self.selector.modify(side.sock, events, side)
        else:
            self.selector.unregister(side.sock)
        side.events = events

    def _serve(self, side: _Side, mask: int) -> None:
        if side.sock.fileno() < 0:  # closed by its peer earlier in this round
            return
        try:
            if mask & selectors.EVENT_READ:
                data = side.sock.recv(BUFFER)
                side.finished = not data
                side.peer.outgoing += data
            for end in (side, side.peer):
                self._flush(end)
        except BlockingIOError:
            return
        except OSError:
            self._close(side)
            return
        if side.shut and side.peer.shut:
            self._close(side)
            return
        self._watch(side)
        self._watch(side.peer)

    def _flush(self, side: _Side) -> None:
        """Write what waits; pass the end on when the peer has said all it had to say."""
        if side.outgoing:
            try:
                del side.outgoing[: side.sock.send(side.outgoing)]
            except BlockingIOError:
                return
        if side.peer.finished and not side.outgoing and not side.shut:
            side.sock.shutdown(socket.SHUT_WR)
            side.shut = True

    def _close(self, side: _Side) -> None:
        for end in (side, side.peer):
            if end.events:
                self.selector.unregister(end.sock)
                end.events = 0
            end.sock.close()
        self.connections -= 1
        self._accept_when_room()
