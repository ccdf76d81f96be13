"""The outbound proxy of one worker.

Comes in: a unix socket's path, the folder of the certificate authority, settings; then sessions with what each may do.
Goes out: a served socket, and for each session the credentials that open it.

Its libraries take a second of processor time to import, so that is done in a thread when the worker has started or a
script connects; what connects before that is done waits.
"""

import asyncio
import re
import secrets
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import structlog

from twinline.model.errors import Conflict, Mistake, Refused
from twinline.runtime.outbound.exchange import Session
from twinline.runtime.outbound.policy import Policy
from twinline.runtime.outbound.settings import OutboundSettings
from twinline.runtime.outbound.wire import Request, Response

if TYPE_CHECKING:
    from twinline.runtime.outbound.authority import Authority
    from twinline.runtime.outbound.engine import Engine
    from twinline.runtime.outbound.upstream import Upstream

log = structlog.get_logger()

_SOCKET_PATH_LIMIT = 107
"""Bytes of a unix socket's path (unix(7): sun_path holds 108 with its end)."""

_BACKLOG = 1024
_LOAD_AFTER = 3.0
"""Seconds until the libraries are loaded though nobody has asked yet: a worker's start has better things to do."""

_NOT_IN_CREDENTIALS = re.compile(r"[^A-Za-z0-9._~-]")


class OutboundProxy:
    """Serves while it is entered: `async with OutboundProxy(...) as proxy`."""

    def __init__(self, *, socket: Path, ca_folder: Path, settings: OutboundSettings) -> None:
        """Raises Mistake when the socket's path is too long for the system."""
        if len(str(socket).encode()) > _SOCKET_PATH_LIMIT:
            raise Mistake(
                f"a unix socket's path has at most {_SOCKET_PATH_LIMIT} bytes",
                where=str(socket),
                mend="choose a data folder with a shorter path",
            )
        self._socket = socket
        self._ca_folder = ca_folder
        self._settings = settings
        self._sessions: dict[str, Session] = {}
        self._credentials: dict[str, str] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._wanted = asyncio.Event()
        self._upstream: Upstream | None = None

    @property
    def ca_file(self) -> Path:
        """The certificate that sandboxes are to trust (PEM)."""
        return self._ca_folder / "ca.pem"

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError or ValueError when the socket or the authority's folder cannot be used."""
        self._socket.parent.mkdir(parents=True, exist_ok=True)
        self._socket.unlink(missing_ok=True)
        if not self.ca_file.exists():  # sandboxes are given it as soon as we have returned
            await asyncio.to_thread(_authority, self._ca_folder)
        self._server = await asyncio.start_unix_server(self._accept, self._socket, backlog=_BACKLOG)
        self._loading = asyncio.create_task(self._load())
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Close every connection and wait until nothing is left."""
        self._server.close()
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._loading.cancel()
        await asyncio.gather(self._loading, return_exceptions=True)
        if self._upstream is not None:
            await self._upstream.close()
        self._socket.unlink(missing_ok=True)

    def register(self, session: str, policy: Policy) -> str:
        """Let a session in. Returns its credentials, `user:password`, for the clients in its sandbox.

        Raises Conflict when the session is registered already.
        """
        if session in self._credentials:
            raise Conflict("the session has a way out already", where=session, mend="unregister it first")
        credentials = f"{_NOT_IN_CREDENTIALS.sub('-', session)}:{secrets.token_urlsafe(24)}"
        self._credentials[session] = credentials
        self._sessions[credentials] = Session(policy, self._settings, self._fetch)
        return credentials

    def unregister(self, session: str) -> None:
        """Let a session out: what it has under way is told as abandoned, and then nothing more is. Unknown: nothing."""
        credentials = self._credentials.pop(session, None)
        if credentials is not None:
            self._sessions.pop(credentials).close()

    async def ask(self, credentials: str, request: Request) -> Response:
        """What the worker itself asks on behalf of a session. As for scripts, a failure is an answer too.

        Raises Refused when nobody is registered with these credentials.
        """
        session = self._sessions.get(credentials)
        if session is None:
            raise Refused("the session has no way out", where=credentials.partition(":")[0], mend="register it first")
        await self._engine_when_loaded()
        return await session.answer(request)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= self._settings.connections:
            writer.close()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            engine = await self._engine_when_loaded()
            await engine.serve(reader, writer)
        except Exception:
            log.exception("outbound.connection_failed")
            raise
        finally:
            writer.close()

    async def _engine_when_loaded(self) -> "Engine":
        self._wanted.set()
        return await asyncio.shield(self._loading)

    async def _load(self) -> "Engine":
        """Import what is heavy, and put it together."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wanted.wait(), _LOAD_AFTER)
        engine, upstream = await asyncio.to_thread(_import)
        authority = await asyncio.to_thread(_authority, self._ca_folder)
        self._upstream = upstream(self._settings)
        return engine(self._settings, authority, self._sessions.get)

    async def _fetch(self, request: Request) -> Response:
        assert self._upstream is not None, "a request can only come through the engine, which is loaded after it"
        return await self._upstream.fetch(request)


def _import() -> "tuple[type[Engine], type[Upstream]]":
    from twinline.runtime.outbound.engine import Engine  # noqa: PLC0415  # heavy: see the module's docstring
    from twinline.runtime.outbound.upstream import Upstream  # noqa: PLC0415

    return Engine, Upstream


def _authority(folder: Path) -> "Authority":
    from twinline.runtime.outbound.authority import Authority  # noqa: PLC0415

    return Authority(folder)
