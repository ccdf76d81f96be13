"""What an operator can say about the way out.

Comes in: values from the worker's settings. Goes out: one frozen struct, handed to every part that needs it.
"""

from pathlib import Path

import msgspec

KIB = 1024
MIB = 1024 * KIB


class OutboundSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of the way out. Sizes are bytes, times seconds."""

    allow: frozenset[str] = frozenset()
    """Destinations (`host:port`, as the script names them) that are let through wherever they lead."""

    private: bool = False
    """Let scripts reach private ranges (RFC 1918, RFC 4193, RFC 6598). Never loopback or link-local: use `allow`."""

    authorities: Path | None = None
    """A PEM file of certificate authorities to trust upstream beside the machine's own."""

    connect_timeout: float = 5.0
    """For name, connection and TLS. The documentation of requests advises a little over 3 s, the time after which TCP
    tries again."""

    timeout: float = 30.0
    """For a whole exchange. nginx's proxy_read_timeout is 60 s between two reads; a caller will not wait that long."""

    idle_timeout: float = 120.0
    """For a connection of a script on which nothing happens. nginx keeps clients 75 s."""

    response_limit: int = 10 * MIB
    """Body of an answer. AWS API Gateway's limit is 10 MB."""

    request_limit: int = 10 * MIB
    """Body of a request, likewise."""

    kept_limit: int = 256 * KIB
    """Body that is kept in a transcript. A NATS message is at most 1 MiB, and a transcript is made of them."""

    concurrency: int = 16
    """Exchanges of one session at once; more wait for their turn. Browsers open 6 to one host."""

    connections: int = 1000
    """Connections of all scripts to the proxy at once; more are closed as they come. nginx takes 512 a process."""
