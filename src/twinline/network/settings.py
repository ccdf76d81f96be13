"""What the edge is told at its start.

Comes in: command-line options. Goes out: one frozen `EdgeSettings`, read once.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec

from twinline.model.errors import Mistake
from twinline.network.patience import Patience


class EdgeSettings(msgspec.Struct, frozen=True):
    """Where the edge listens, where the bus is, and every limit. Times are seconds.

    `public_url` is the address that carriers know us by (some sign it). `sender_rate` messages a second are taken
    from one sender, with `sender_burst` at once. A message whose application cannot run yet waits for `park`.
    `post_*` limit one attempt to reach a carrier; `post_patience` limits all attempts for one message.
    """

    nats_url: str
    nats_token_file: Path
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""
    signature_tolerance: float = 300.0
    accept_timeout: float = 5.0
    sender_rate: float = 10.0
    sender_burst: float = 50.0
    dispatch_in_flight: int = 1_000
    cursor_interval: float = 0.2
    park: Patience = Patience(attempts=1_000, total=60.0, first=0.05, longest=1.0)
    parked_limit: int = 10_000
    bus: Patience = Patience(attempts=1_000, total=600.0, first=0.05, longest=2.0)
    post_timeout: float = 10.0
    post_patience: Patience = Patience(attempts=12, total=900.0, first=0.25, longest=60.0)
    posts_at_once: int = 256
    posts_per_carrier: int = 64
    unsent_limit: int = 20_000

    @property
    def public(self) -> str:
        """The base address that carriers use, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    def token(self) -> str:
        """The bus's token. Raises Mistake when the file cannot be read."""
        try:
            return self.nats_token_file.read_text().strip()
        except OSError as error:
            raise Mistake(
                f"the bus's token cannot be read: {error.strerror}",
                where=str(self.nats_token_file),
                mend="name the file that holds it with --nats-token-file",
            ) from error


_DEFAULT = EdgeSettings(nats_url="", nats_token_file=Path())


def read_settings(arguments: Sequence[str]) -> EdgeSettings:
    """Command-line options as settings. Ends the process with a usage message when they do not parse."""
    parser = argparse.ArgumentParser(prog="python -m twinline.network.main", description="The edge of Twinline.")
    parser.add_argument("--nats-url", required=True, help="where the bus is, nats://host:port")
    parser.add_argument("--nats-token-file", required=True, type=Path, help="file that holds the bus's token")
    parser.add_argument("--host", default=_DEFAULT.host)
    parser.add_argument("--port", default=_DEFAULT.port, type=int)
    parser.add_argument("--public-url", default="", help="the address carriers know us by (default: host and port)")
    parser.add_argument("--sender-rate", default=_DEFAULT.sender_rate, type=float, help="messages a second a sender")
    parser.add_argument("--sender-burst", default=_DEFAULT.sender_burst, type=float, help="messages at once a sender")
    parser.add_argument("--park", default=_DEFAULT.park.total, type=float, metavar="SECONDS",
                        help="how long a message waits for a live version or a build")  # fmt: skip
    parser.add_argument("--post-timeout", default=_DEFAULT.post_timeout, type=float, metavar="SECONDS",
                        help="how long a carrier may take to answer")  # fmt: skip
    parser.add_argument("--post-attempts", default=_DEFAULT.post_patience.attempts, type=int)
    parser.add_argument("--post-total", default=_DEFAULT.post_patience.total, type=float, metavar="SECONDS",
                        help="how long one message is tried in all")  # fmt: skip
    options = parser.parse_args(arguments)
    replace = msgspec.structs.replace
    return EdgeSettings(
        nats_url=options.nats_url,
        nats_token_file=options.nats_token_file,
        host=options.host,
        port=options.port,
        public_url=options.public_url,
        sender_rate=options.sender_rate,
        sender_burst=options.sender_burst,
        park=replace(_DEFAULT.park, total=options.park),
        post_timeout=options.post_timeout,
        post_patience=replace(_DEFAULT.post_patience, attempts=options.post_attempts, total=options.post_total),
    )
