"""Who asks: every request to `/api/` carries a key, but for those that are for everybody.

Comes in: the Authorization header. Goes out: the name of the key's holder as the request's user, or 401.
"""

from functools import partial

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from twinline.control.plane import Plane
from twinline.control.problems import Unauthorized
from twinline.control.store import keys

PUBLIC = "public"
"""The option of an endpoint that needs no key."""

_MEND = "send `Authorization: Bearer KEY`; the first key is in the file api-key of the data folder"


class Access(AbstractAuthenticationMiddleware):
    """Lets a request with a key in use pass, as its holder."""

    async def authenticate_request(
        self, connection: ASGIConnection[BaseRouteHandler, object, object, State]
    ) -> AuthenticationResult:
        """Find whose key it is. Raises Unauthorized."""
        scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise Unauthorized("the request carries no API key", where="header Authorization", mend=_MEND)
        plane: Plane = connection.app.state.plane
        holder = await plane.store.read(partial(keys.holder, secret=secret.strip()))
        if holder is None:
            raise Unauthorized("the API key opens nothing", where="header Authorization", mend=_MEND)
        return AuthenticationResult(user=holder, auth=None)
