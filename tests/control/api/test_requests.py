"""The way in: who may ask, what a request must be, what the OpenAPI document says."""

from collections.abc import Iterator
from http import HTTPStatus

import httpx
import msgspec
import pytest
from tests.control.conftest import ControlProcess

from twinline.control.client import Client
from twinline.control.schema import Problem
from twinline.model.builds import Cluster
from twinline.model.errors import NotFound, Refused

PUBLIC = {"/healthz", "/changelog", "/changelog.atom"}


@pytest.fixture(scope="module")
def http(control: ControlProcess) -> Iterator[httpx.Client]:
    """Requests as anybody can send them, with a key that opens."""
    key = (control.data / "api-key").read_text().strip()
    with httpx.Client(
        base_url=f"http://127.0.0.1:{control.port}", headers={"Authorization": f"Bearer {key}"}, trust_env=False
    ) as client:
        yield client


def problem(answer: httpx.Response) -> Problem:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = msgspec.json.decode(answer.content, type=Problem)
    assert problem.status == answer.status_code
    return problem


def test_a_request_without_a_key_is_unauthorized(http: httpx.Client) -> None:
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
        answer = http.get("/api/status", headers=headers)
        assert problem(answer).status == HTTPStatus.UNAUTHORIZED
        assert answer.headers["www-authenticate"] == "Bearer"


def test_what_is_for_everybody_needs_no_key(http: httpx.Client) -> None:
    for path in (*PUBLIC, "/api/openapi.json"):
        assert http.get(path, headers={"Authorization": ""}).status_code == HTTPStatus.OK


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "/api/applications", b'{"name": "x', HTTPStatus.BAD_REQUEST, "JSON"),
        ("POST", "/api/applications", b"", HTTPStatus.BAD_REQUEST, ""),
        ("POST", "/api/applications", b'{"name": "x"}', HTTPStatus.BAD_REQUEST, "mode"),
        ("POST", "/api/applications", b'{"name": "x", "mode": "night"}', HTTPStatus.BAD_REQUEST, "night"),
        ("POST", "/api/applications", b'["x"]', HTTPStatus.BAD_REQUEST, ""),
        ("POST", "/api/applications", b" " * 300_000, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "larger"),
        ("POST", "/api/clusters/moon/build", b'{"build": 1}', HTTPStatus.BAD_REQUEST, "moon"),
        ("POST", "/api/applications/x/versions", b"", HTTPStatus.BAD_REQUEST, "entry"),
        ("GET", "/api/sessions?limit=0", b"", HTTPStatus.BAD_REQUEST, "limit"),
        ("GET", "/api/builds/x", b"", HTTPStatus.NOT_FOUND, "/api/builds/x"),
        ("GET", "/api/builds/99999999999999999999", b"", HTTPStatus.NOT_FOUND, "no such build"),
        ("GET", "/api/nothing", b"", HTTPStatus.NOT_FOUND, "/api/nothing"),
        ("PUT", "/api/status", b"", HTTPStatus.METHOD_NOT_ALLOWED, "PUT"),
    ],
)
def test_a_bad_request_is_told_what_was_wrong_and_where(
    http: httpx.Client, method: str, path: str, body: bytes, status: HTTPStatus, said: str
) -> None:
    found = problem(http.request(method, path, content=body, headers={"Content-Type": "application/json"}))
    assert found.status == status
    assert found.detail
    assert found.where
    assert said in f"{found.detail} {found.where}"


def test_every_endpoint_is_documented_with_its_answers(http: httpx.Client) -> None:
    paths = http.get("/api/openapi.json").json()["paths"]
    assert len(paths) > 25
    for path, operations in paths.items():
        for method, operation in operations.items():
            answers = operation["responses"]
            good = [answer for status, answer in answers.items() if status.startswith("2")]
            assert operation["summary"], path
            assert len(good) == 1, path
            if method != "delete" or path.endswith("addresses"):
                (content,) = good[0]["content"].values()
                assert content["schema"], path
            if path not in PUBLIC:
                assert {"400", "401", "503"} <= answers.keys(), path
            if method == "post" and path not in ("/api/builds/{number}/publish",):
                assert operation["requestBody"]["content"], path


def test_a_key_is_shown_once_and_opens_until_it_is_revoked(client: Client, control: ControlProcess) -> None:
    key = client.create_key("ada")
    assert key.secret not in (control.data / "store.sqlite").read_bytes().decode(errors="replace")
    listed = client.keys()
    assert [it.secret for it in listed if it.id == key.id] == [""]
    with Client(f"http://127.0.0.1:{control.port}", key.secret) as hers:
        assert hers.status().version
        client.revoke_key(key.id)
        with pytest.raises(Refused, match="opens nothing"):
            hers.status()
    with pytest.raises(NotFound):
        client.revoke_key(key.id)


def test_the_first_key_is_readable_by_its_owner_alone(control: ControlProcess) -> None:
    assert (control.data / "api-key").stat().st_mode & 0o777 == 0o600


def test_status_counts_what_is_there(client: Client) -> None:
    before = client.status().applications
    client.create_application("counted", Cluster.PRODUCTION)
    after = client.status()
    assert after.applications == before + 1
    assert {it.cluster for it in after.clusters} == set(Cluster)


def test_an_unknown_job_is_not_found(client: Client) -> None:
    with pytest.raises(NotFound, match="job nothing"):
        client.job("nothing")
