"""The outside service that both example applications look things up in.

Comes in: GET /prescriptions/<number> and GET /parcels/<number>. Goes out: fixed data in JSON, or 404 with a reason. Run it
with `python examples/lookup_service.py [--port 8190]`; it prints its address and serves until it is stopped.
"""

import argparse
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8190

PRESCRIPTIONS = {
    "4071": {"number": "4071", "medicine": "Levothyroxine 50 mcg", "refills": 3, "ready": "tomorrow after 10"},
    "4072": {"number": "4072", "medicine": "Ramipril 5 mg", "refills": 1, "ready": "on Thursday after 2"},
    "4073": {"number": "4073", "medicine": "Amoxicillin 500 mg", "refills": 0, "ready": "not due"},
}

PARCELS = {
    "482913": {"number": "482913", "contents": "a box of books", "weight": 4.2, "address": "12 Harbour Lane", "state": "missed"},
    "551204": {"number": "551204", "contents": "a lamp", "weight": 1.8, "address": "3 Mill Court", "state": "missed"},
    "700001": {"number": "700001", "contents": "a letter", "weight": 0.1, "address": "9 North Row", "state": "delivered"},
}

TABLES = {"prescriptions": PRESCRIPTIONS, "parcels": PARCELS}


def answer(path: str) -> tuple[int, dict[str, object]]:
    """The status and the document for a path."""
    found = re.fullmatch(r"/(prescriptions|parcels)/(\d+)", path)
    if found is None:
        return 404, {"error": "ask for /prescriptions/<number> or /parcels/<number>"}
    table, number = found.groups()
    entry = TABLES[table].get(number)
    return (200, entry) if entry else (404, {"error": f"no {number} in {table}"})


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    # An answer is one small packet: waiting for more to send with it only delays it.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        status, document = answer(self.path)
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The service is quiet: the platform's transcripts show each look-up."""


def serve(port: int = PORT) -> ThreadingHTTPServer:
    """The service, listening on loopback; `serve_forever` runs it. Port 0 takes any that is free."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    return server


def main() -> None:
    options = argparse.ArgumentParser(description="Prescriptions and parcels, for the examples.")
    options.add_argument("--port", type=int, default=PORT)
    with serve(options.parse_args().port) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
