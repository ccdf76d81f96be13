"""The client: every failure is an error that says what, where and what to do."""

import http.server
import threading
from collections.abc import Iterator

import pytest
from tests.conftest import free_port

from twinline.control.client import Client, error_of
from twinline.control.problems import STATUS, problem_of
from twinline.control.schema import Job, JobState, Problem
from twinline.model.errors import Conflict, Mistake, NotFound, Refused, Trouble, TwinlineError


@pytest.fixture
def stranger() -> Iterator[str]:
    """A server that is not Twinline."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<h1>It works</h1>"
            self.send_response(200 if self.path == "/api/status" else 502)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", [NotFound, Conflict, Refused, Mistake, Trouble])
def test_an_error_is_the_same_on_both_sides(kind: type[TwinlineError]) -> None:
    error = error_of(problem_of(kind("what", where="where", mend="mend")))
    assert (type(error), error.what, error.where, error.mend) == (kind, "what", "where", "mend")


def test_every_kind_of_error_has_a_status_of_its_own() -> None:
    assert len({status for _, status in STATUS}) == len(STATUS)


def test_nobody_there_is_trouble_with_what_to_do() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with Client(url, "key") as client, pytest.raises(Trouble, match="cannot be reached") as caught:
        client.status()
    assert caught.value.where == url
    assert "twinline up" in caught.value.mend


def test_another_server_is_told_from_twinline(stranger: str) -> None:
    with Client(stranger, "key") as client:
        with pytest.raises(Trouble, match="not what this client understands"):
            client.status()
        with pytest.raises(Trouble, match="502 without saying why"):
            client.builds()


def test_an_empty_name_is_no_other_endpoint(stranger: str) -> None:
    with Client(stranger, "key") as client, pytest.raises(Mistake, match="a name is missing"):
        client.application("")


def test_a_failed_job_raises_its_own_error(stranger: str) -> None:
    problem = Problem("Conflict", 409, "taken", "here")
    with Client(stranger, "key") as client, pytest.raises(Conflict, match="taken"):
        client.wait(Job("j", "build", JobState.FAILED, 1, 2, "failed", problem=problem))
