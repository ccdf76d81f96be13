"""A program of its day on the published Python library: it asks for a cake and says which it was.

The library is of Python 2: here it gets its text type back, and its blanks in place of tabs. Nothing else is changed.
"""

import builtins
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType

builtins.basestring = str
library = Path(sys.argv[1], "tropo.py")
source = library.read_text().expandtabs(8)
tropo = ModuleType("tropo")
exec(compile(source[: source.index("if __name__ ==")], library, "exec"), tropo.__dict__)


class Bakery(BaseHTTPRequestHandler):
    """Three steps, one an address."""

    def do_POST(self):
        posted = self.rfile.read(int(self.headers["Content-Length"])).decode()
        answer = tropo.Tropo()
        if self.path == "/":
            session = tropo.Session(posted)
            answer.say("Welcome, " + session.fromaddress["id"] + ". You wrote: " + session.initialText)
            answer.ask(
                tropo.Choices("apple(apple, boskop), cherry", mode="any"),
                say=[{"event": "nomatch", "value": "We have none."}, {"value": "Which cake?"}],
                attempts=3,
                bargein=True,
                name="cake",
                timeout=30,
            )
            answer.on("continue", next="/cake")
            answer.on("incomplete", next="/none")
        elif self.path == "/cake":
            result = tropo.Result(posted)
            answer.say(result.getValue() + " from " + result.getInterpretation())
            answer.message("A cake is ordered", "+14155550122", network="SMS")
            answer.wait(1)
            answer.hangup()
        content = answer.RenderJson().encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """A test prints nothing."""


server = HTTPServer(("127.0.0.1", 0), Bakery)
print(server.server_address[1], flush=True)  # noqa: T201  # this is how it says where it is
server.serve_forever()
