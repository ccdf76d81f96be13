"""The API put together: every endpoint, behind one way in and one way to fail.

Comes in: a `Plane`. Goes out: an ASGI application.
"""

import re

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from twinline.control.api import applications, builds, platform, releases
from twinline.control.api.access import PUBLIC, Access
from twinline.control.api.errors import answer
from twinline.control.plane import Plane

BODY_LIMIT = 256 * 1024
"""Bytes of a request's body, but for bundles. The largest document is a manifest of 64 KiB."""

DOCUMENT = "/api/openapi.json"

_SECURITY = "key"


def make_api(plane: Plane) -> Litestar:
    """The ASGI application of one control plane."""
    return Litestar(
        route_handlers=[*platform.HANDLERS, *builds.HANDLERS, *applications.HANDLERS, *releases.HANDLERS],
        state=State({"plane": plane}),
        dependencies={"plane": Provide(lambda: plane, sync_to_thread=False)},
        middleware=[DefineMiddleware(Access, exclude=[f"^{re.escape(DOCUMENT)}/?$"], exclude_from_auth_key=PUBLIC)],
        exception_handlers={HTTPException: answer, Exception: answer},
        request_max_body_size=BODY_LIMIT,
        openapi_config=OpenAPIConfig(
            title="Twinline",
            version=platform.VERSION,
            description="Every error is a Problem: what was wrong, where, and what would be right.",
            path=DOCUMENT,
            render_plugins=[JsonRenderPlugin(path="/")],
            components=Components(
                security_schemes={_SECURITY: SecurityScheme(type="http", scheme="bearer", description="An API key")}
            ),
            security=[{_SECURITY: []}],
            use_handler_docstrings=True,
        ),
        logging_config=None,
    )
