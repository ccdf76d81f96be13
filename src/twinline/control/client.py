"""The HTTP API as a client sees it: every endpoint a method, every answer a struct, every refusal an exception.

Comes in: the API's address and a key. Goes out: documents of `schema` and `model`; errors of `model.errors`, made from
the Problem that the server sent. The command line knows the platform only through this.
"""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from twinline.control.schema import (
    ApplicationView,
    BuildRequest,
    ClusterView,
    Job,
    JobState,
    Key,
    KeyRequest,
    NewAddress,
    NewApplication,
    OverrideRequest,
    PlaceBuild,
    Problem,
    PromotionRequest,
    RehearsalRequest,
    RehearsalView,
    RollbackRequest,
    SessionDetail,
    SessionView,
    SignificanceRequest,
    Status,
    TwinRequest,
)
from twinline.model.applications import Carrier
from twinline.model.builds import Build, Cluster, ClusterPointer, Significance
from twinline.model.errors import Conflict, Mistake, NotFound, Refused, Trouble, TwinlineError
from twinline.model.rehearsal import RehearsalResult
from twinline.model.release import ChangelogEntry, Excuse, Promotion

REQUEST_SECONDS = 60.0
"""Longest wait for one answer; what takes longer is a job."""

POLL_SECONDS = 0.2
"""Between two looks at a running job: often enough for a smooth progress bar."""

_ERRORS: dict[int, type[TwinlineError]] = {
    401: Refused,
    403: Refused,
    404: NotFound,
    409: Conflict,
    413: Refused,
    422: Refused,
}

T = TypeVar("T")


class Client:
    """A connection to the API. Every method raises a TwinlineError: the server's, or Trouble if it is out of reach."""

    def __init__(self, url: str, key: str, *, timeout: float = REQUEST_SECONDS) -> None:
        """Talk to the API at `url` with `key`; nothing is sent yet. `timeout` is seconds for one answer."""
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=timeout, trust_env=False
        )

    def __enter__(self) -> Self:
        """Nothing to prepare: a client is complete when it is made."""
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Close, whatever happened."""
        self.close()

    def close(self) -> None:
        """Leave the server."""
        self._http.close()

    def status(self) -> Status:
        """The platform at a glance."""
        return self._get("/api/status", Status)

    def create_build(self, manifest: str, wheel: str = "") -> Job:
        """Start the making of a build from a manifest's text; the job's `result` is the build's number."""
        return self._send("POST", "/api/builds", BuildRequest(manifest, wheel), Job)

    def builds(self) -> list[Build]:
        """Every build, oldest first."""
        return self._get("/api/builds", list[Build])

    def build(self, number: int) -> Build:
        """One build."""
        return self._get(f"/api/builds/{number}", Build)

    def publish_build(self, number: int) -> Build:
        """Announce a build, so that it may be put on the development cluster."""
        return self._send("POST", f"/api/builds/{number}/publish", None, Build)

    def raise_significance(self, number: int, significance: Significance) -> Build:
        """Say that a build changes more than its components show."""
        return self._send("POST", f"/api/builds/{number}/significance", SignificanceRequest(significance), Build)

    def excuse(self, number: int) -> Excuse:
        """Why a build is not in production yet, gate by gate, decided now."""
        return self._get(f"/api/builds/{number}/excuse", Excuse)

    def clusters(self) -> list[ClusterView]:
        """Both clusters with their workers."""
        return self._get("/api/clusters", list[ClusterView])

    def place_build(self, cluster: Cluster, number: int) -> ClusterPointer:
        """Put a published build on a cluster: development, or production's very first."""
        return self._send("POST", f"/api/clusters/{cluster}/build", PlaceBuild(number), ClusterPointer)

    def create_application(self, name: str, mode: Cluster) -> ApplicationView:
        """Make an application, with nothing deployed."""
        return self._send("POST", "/api/applications", NewApplication(name, mode), ApplicationView)

    def applications(self) -> list[ApplicationView]:
        """Every application, by name."""
        return self._get("/api/applications", list[ApplicationView])

    def application(self, name: str) -> ApplicationView:
        """One application."""
        return self._get(f"/api/applications/{_segment(name)}", ApplicationView)

    def deploy(self, name: str, bundle: bytes, entry: str) -> ApplicationView:
        """Make a packed bundle (tar.gz) the live version; `entry` is its first script."""
        answer = self._request(
            "POST",
            f"/api/applications/{_segment(name)}/versions",
            params={"entry": entry},
            content=bundle,
            headers={"Content-Type": "application/gzip"},
        )
        return _decoded(answer, ApplicationView)

    def add_address(self, name: str, address: str, carrier: Carrier) -> ApplicationView:
        """Let an address reach an application."""
        return self._send(
            "POST", f"/api/applications/{_segment(name)}/addresses", NewAddress(address, carrier), ApplicationView
        )

    def remove_address(self, name: str, address: str) -> ApplicationView:
        """Take an address away from an application."""
        answer = self._request("DELETE", f"/api/applications/{_segment(name)}/addresses", params={"address": address})
        return _decoded(answer, ApplicationView)

    def twin(self, name: str, address: str, carrier: Carrier | None = None) -> ApplicationView:
        """Make the twin of a production application, or bring its code up to date."""
        return self._send(
            "POST", f"/api/applications/{_segment(name)}/twin", TwinRequest(address, carrier), ApplicationView
        )

    def sessions(self, *, application: str = "", build: int | None = None, limit: int = 50) -> list[SessionView]:
        """Stored sessions, newest first."""
        chosen: dict[str, str | int] = {"limit": limit}
        if application:
            chosen["application"] = application
        if build is not None:
            chosen["build"] = build
        return _decoded(self._request("GET", "/api/sessions", params=chosen), list[SessionView])

    def session(self, session: str) -> SessionDetail:
        """One stored session with its transcript."""
        return self._get(f"/api/sessions/{_segment(session)}", SessionDetail)

    def rehearse(self, candidate: int, *, baseline: int | None = None, applications: tuple[str, ...] = ()) -> Job:
        """Start a rehearsal; the job's `result` is the rehearsal's identifier."""
        return self._send("POST", "/api/rehearsals", RehearsalRequest(candidate, baseline, applications), Job)

    def rehearsals(self) -> list[RehearsalView]:
        """Every rehearsal, newest first."""
        return self._get("/api/rehearsals", list[RehearsalView])

    def rehearsal(self, rehearsal: str) -> RehearsalResult:
        """The result of a rehearsal that is done."""
        return self._get(f"/api/rehearsals/{_segment(rehearsal)}", RehearsalResult)

    def rehearsal_report(self, rehearsal: str) -> str:
        """The same as one self-contained HTML page."""
        return self._request("GET", f"/api/rehearsals/{_segment(rehearsal)}/report.html").text

    def promote(self, build: int, overrides: tuple[OverrideRequest, ...] = ()) -> Promotion:
        """Move production to a build. Raises Refused, naming each gate that holds it."""
        return self._send("POST", "/api/promotions", PromotionRequest(build, overrides), Promotion)

    def promotions(self) -> list[Promotion]:
        """Every promotion and rollback, newest first."""
        return self._get("/api/promotions", list[Promotion])

    def rollback(self, reason: str) -> Promotion:
        """Move production back to the build before."""
        return self._send("POST", "/api/rollbacks", RollbackRequest(reason), Promotion)

    def changelog(self) -> list[ChangelogEntry]:
        """Every announcement, newest first."""
        return self._get("/api/changelog", list[ChangelogEntry])

    def create_key(self, name: str) -> Key:
        """Make an API key; its secret is in this answer and nowhere else."""
        return self._send("POST", "/api/keys", KeyRequest(name), Key)

    def keys(self) -> list[Key]:
        """Every key in use, without secrets."""
        return self._get("/api/keys", list[Key])

    def revoke_key(self, key: int) -> None:
        """Make a key worthless from now on."""
        self._request("DELETE", f"/api/keys/{key}")

    def job(self, job: str) -> Job:
        """Where a long piece of work stands."""
        return self._get(f"/api/jobs/{_segment(job)}", Job)

    def wait(self, job: Job, *, progress: Callable[[Job], None] | None = None, poll: float = POLL_SECONDS) -> Job:
        """Follow a job to its end, telling `progress` of each look. Raises the job's own error when it failed."""
        while True:
            if progress is not None:
                progress(job)
            if job.state is JobState.DONE:
                return job
            if job.state is JobState.FAILED:
                raise error_of(job.problem or Problem("failed", 500, job.text or "The work failed."))
            time.sleep(poll)
            job = self.job(job.id)

    def _get(self, path: str, type_: type[T]) -> T:
        return _decoded(self._request("GET", path), type_)

    def _send(self, method: str, path: str, body: msgspec.Struct | None, type_: type[T]) -> T:
        content = b"" if body is None else msgspec.json.encode(body)
        answer = self._request(method, path, content=content, headers={"Content-Type": "application/json"})
        return _decoded(answer, type_)

    def _request(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str | int] | dict[str, str] | None = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        try:
            answer = self._http.request(method, path, params=params, content=content, headers=headers)
        except httpx.TimeoutException as error:
            raise Trouble(
                "the platform did not answer in time", where=str(self._http.base_url), mend="try again"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Trouble(
                f"the platform cannot be reached ({error})",
                where=str(self._http.base_url),
                mend="start it with `twinline up`, or say where it is",
            ) from error
        if answer.is_success:
            return answer
        raise _error_in(answer)


def error_of(problem: Problem) -> TwinlineError:
    """The exception that a Problem stands for."""
    kind = _ERRORS.get(problem.status, Mistake if problem.status < httpx.codes.INTERNAL_SERVER_ERROR else Trouble)
    return kind(problem.detail, where=problem.where, mend=problem.mend)


def _error_in(answer: httpx.Response) -> TwinlineError:
    try:
        return error_of(msgspec.json.decode(answer.content, type=Problem))
    except msgspec.MsgspecError:
        return Trouble(
            f"the server answered {answer.status_code} without saying why",
            where=str(answer.request.url),
            mend="look whether this is Twinline's API",
        )


def _decoded(answer: httpx.Response, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.content, type=type_)
    except msgspec.MsgspecError as error:
        raise Trouble(
            f"the server's answer is not what this client understands ({error})",
            where=str(answer.request.url),
            mend="use the client of the same version as the platform",
        ) from error


def _segment(text: str) -> str:
    """A name as one part of a path; an empty one would mean another endpoint."""
    if not text:
        raise Mistake("a name is missing", mend="give a name that is not empty")
    return quote(text, safe="")
