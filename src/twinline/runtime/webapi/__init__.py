"""The JSON-over-HTTP dialect: an application whose code is a URL.

Comes in: an application's URL and the session it is to run. Goes out: a `Script` as any other, so that the session
engine does not know the difference. `docs/webapi.md` tells the whole. Public face: `WebScript`, `WebSettings`, and
`web_cassette` for what was recorded.
"""

from twinline.runtime.webapi.fetching import WebSettings
from twinline.runtime.webapi.results import web_cassette
from twinline.runtime.webapi.script import WebScript

__all__ = ["WebScript", "WebSettings", "web_cassette"]
