"""A restaurant's tables by message: an application that is a web service, with nothing hosted on the platform.

Comes in: what Twinline posts, the session first and then the result of each document. Goes out: the next document. How many
people come is kept in a cookie, as a web application would. Run it with `python examples/webapi/bookings.py`.
"""

import argparse
import json
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8195
TABLES = {"friday": 6, "saturday": 2, "sunday": 8}
"""The largest table that is free, by day."""

Answer = tuple[list[dict[str, object]], str]
"""The actions of a document, and what to remember of the caller (empty: as before)."""


def welcome() -> Answer:
    """The caller's first message is taken away: whatever it says, people are asked how many they are."""
    first = {"name": "first", "choices": {"value": "[ANY]"}, "say": [{"value": ""}]}
    party = {
        "name": "party",
        "attempts": 3,
        "timeout": 3600,
        "choices": {"value": "[1-2 DIGITS]"},
        "say": [
            {"event": "nomatch", "value": "A number, please."},
            {"event": "timeout", "value": "Are you still there?"},
            {"value": "A table at Lena's. For how many?"},
        ],
    }
    return [{"ask": first}, {"ask": party}, on("continue", "day"), on("incomplete", "later")], ""


def day(result: dict[str, object]) -> Answer:
    """How many they are is known; the day is asked for."""
    answers = {action["name"]: action for action in listed(result["actions"])}
    people = answers["party"]["value"]
    choices = "friday (friday, fri), saturday (saturday, sat), sunday (sunday, sun)"
    ask = {"name": "day", "attempts": 2, "timeout": 3600, "choices": {"value": choices}, "say": "Friday, Saturday or Sunday?"}
    return [{"ask": ask}, on("continue", "book"), on("incomplete", "later")], people


def book(result: dict[str, object], people: str) -> Answer:
    """Both are known: there is a table, or there is none."""
    chosen = listed(result["actions"])[0]["value"]
    if int(people) > TABLES[chosen]:
        return [{"say": {"value": f"We have no table for {people} on {chosen.title()}."}}, {"hangup": None}], ""
    kitchen = {"to": "+4917055500", "say": {"value": f"Table for {people} on {chosen.title()}"}}
    return [{"say": {"value": f"A table for {people} on {chosen.title()}. See you!"}}, {"message": kitchen}], ""


def on(event: str, following: str) -> dict[str, object]:
    """Where the result goes on this event."""
    return {"on": {"event": event, "next": following}}


def listed(actions: object) -> list[dict[str, str]]:
    """A single result comes as an object, several as a list."""
    return actions if isinstance(actions, list) else [actions]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        posted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("people")
        if self.path == "/":
            actions, remember = welcome()
        elif self.path == "/day":
            actions, remember = day(posted["result"])
        elif self.path == "/book" and cookie is not None:
            actions, remember = book(posted["result"], cookie.value)
        else:
            actions, remember = [{"say": {"value": "Write again whenever you like."}}], ""
        body = json.dumps({"tropo": actions}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if remember:
            self.send_header("Set-Cookie", f"people={remember}; Path=/; HttpOnly")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The service is quiet: the platform's transcripts show each exchange."""


def serve(port: int = PORT) -> ThreadingHTTPServer:
    """The application, listening on loopback; `serve_forever` runs it. Port 0 takes any that is free."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    return server


def main() -> None:
    options = argparse.ArgumentParser(description="A restaurant's tables, as a web application.")
    options.add_argument("--port", type=int, default=PORT)
    with serve(options.parse_args().port) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
