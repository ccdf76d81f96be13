"""What a session may do on the way out.

Comes in: the worker's choice when it registers a session. Goes out: one of two frozen records.
"""

from collections.abc import Callable
from dataclasses import dataclass

from twinline.model.transcript import HttpRequest, HttpResponse
from twinline.runtime.outbound.cassette import Cassette

OnExchange = Callable[[HttpRequest, HttpResponse | None, str], None]
"""Called in the event loop with each exchange when it is complete: request, answer (None: there was none), error."""


@dataclass(frozen=True)
class Live:
    """The session talks to the world.

    `keep_cookies` keeps the values of the cookies that it is given: a conversation whose cookies are the platform's to
    keep goes on with them after a crash.

    A session that is rebuilt after a crash gets the answers it had had, from `recorded`, as long as `rebuilding` says
    so; what is not there was under way at the crash, and is asked again.
    """

    on_exchange: OnExchange
    recorded: Cassette | None = None
    rebuilding: Callable[[], bool] = lambda: False
    keep_cookies: bool = False


@dataclass(frozen=True)
class Recorded:
    """The session gets the answers of a recorded one, and never reaches the network."""

    cassette: Cassette
    on_exchange: OnExchange


Policy = Live | Recorded
