"""A small carrier: it brings people's messages to Twinline and takes the replies, as a real one would by webhook.

Comes in: POST / with a signed JSON message `{"id", "to", "from", "text"}`. Goes out: 204, or 403 when the signature does
not fit; a message that comes twice is kept once. As a library it is a context manager that a test or the walk drives; as
a program it prints each reply: `python examples/carrier.py --secret S [--port 8191]`.
"""

import argparse
import hashlib
import hmac
import json
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple

PORT = 8191

SIGNATURE = "X-Twinline-Signature"

TOLERANCE = 300.0
"""Seconds that a signature stays good: the same five minutes that Twinline grants."""


class Message(NamedTuple):
    """A message that Twinline gave us to deliver."""

    sender: str
    recipient: str
    text: str


def sign(secret: str, body: bytes, at: float) -> str:
    """The signature header of a body: a time and the HMAC of both."""
    digest = hmac.new(secret.encode(), f"{int(at)}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={int(at)},v1={digest}"


def verified(secret: str, body: bytes, header: str, now: float) -> bool:
    """Whether a signature header fits a body and is fresh."""
    at = header.partition("t=")[2].partition(",")[0]
    if not at.isdigit() or abs(now - int(at)) > TOLERANCE:
        return False
    return hmac.compare_digest(sign(secret, body, int(at)), header)


class Carrier:
    """A carrier on loopback. Everything it was given is kept in the order of its first coming."""

    def __init__(self, secret: str, port: int = 0) -> None:
        self.secret = secret
        self._kept: list[Message] = []
        self._identifiers: set[str] = set()
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="carrier")

    def __enter__(self) -> "Carrier":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where Twinline posts the replies."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def keep(self, identifier: str, message: Message) -> None:
        """Take a message, once for each identifier."""
        with self._changed:
            if identifier not in self._identifiers:
                self._identifiers.add(identifier)
                self._kept.append(message)
                self._changed.notify_all()

    def count(self) -> int:
        """How many messages have come."""
        with self._changed:
            return len(self._kept)

    def everything(self) -> list[Message]:
        """Every message, in order of coming."""
        with self._changed:
            return list(self._kept)

    def texts(self, *, sender: str, recipient: str) -> list[str]:
        """What one address has sent to one person, in order."""
        return [message.text for message in self.everything() if message[:2] == (sender, recipient)]

    def wait_for(self, *, sender: str, recipient: str, count: int = 1, timeout: float = 10.0) -> list[str]:
        """The same, once there are `count` of them. Raises TimeoutError after `timeout` seconds."""
        with self._changed:
            enough = self._changed.wait_for(
                lambda: sum(message[:2] == (sender, recipient) for message in self._kept) >= count, timeout
            )
        texts = self.texts(sender=sender, recipient=recipient)
        if not enough:
            raise TimeoutError(f"{len(texts)} of {count} messages from {sender} to {recipient} in {timeout:g} s: {texts}")
        return texts

    def send(self, edge: str, *, sender: str, recipient: str, text: str, identifier: str) -> int:
        """Bring a person's message to Twinline's edge; gives the answer's status, 202 when it is accepted.

        Raises urllib.error.HTTPError when it is refused.
        """
        body = json.dumps({"id": identifier, "from": sender, "to": recipient, "text": text}).encode()
        headers = {"Content-Type": "application/json", SIGNATURE: sign(self.secret, body, time.time())}
        request = urllib.request.Request(f"{edge}/messages", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)


def _handler(carrier: Carrier) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if not verified(carrier.secret, body, self.headers.get(SIGNATURE, ""), time.time()):
                self._answer(403)
                return
            try:
                given = json.loads(body)
                message = Message(given["from"], given["to"], given["text"])
                carrier.keep(given["id"], message)
            except (ValueError, KeyError, TypeError):
                self._answer(400)
                return
            self._answer(204)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """The carrier is quiet: what it keeps is its log."""

    return Handler


def main() -> None:
    options = argparse.ArgumentParser(description="A carrier that prints the replies it is given.")
    options.add_argument("--secret", required=True)
    options.add_argument("--port", type=int, default=PORT)
    chosen = options.parse_args()
    with Carrier(chosen.secret, chosen.port) as carrier:
        print(carrier.url, flush=True)
        seen = 0
        try:
            while True:
                time.sleep(0.1)
                for message in carrier.everything()[seen:]:
                    print(f"{message.sender} -> {message.recipient}: {message.text}", flush=True)
                    seen += 1
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
