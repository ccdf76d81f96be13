"""Who takes the steps: the stage, the people, and the platform that runs at the moment.

Comes in: a stage. Goes out: the same to every step, with the platform started and stopped as they ask.
"""

import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field

from twinline.control.schema import SessionDetail, SessionView
from twinline.model.builds import Cluster
from walk import account
from walk.people import People
from walk.stage import STARTING, Stage

SESSIONS = 1000
"""Sessions of one application that are asked for at once: the API's own limit, several times what a walk makes."""


@dataclass
class Walker:
    """The walk's one mutable thing."""

    stage: Stage
    people: People
    _running: ExitStack = field(default_factory=ExitStack)
    _platform: "subprocess.Popen[bytes] | None" = None

    @property
    def platform(self) -> int:
        """The process of `twinline up`."""
        if self._platform is None:
            raise account.WentWrong("expected: the platform runs\nseen: it was not started")
        return self._platform.pid

    @property
    def is_up(self) -> bool:
        """Whether the platform still runs."""
        return self._platform is not None and self._platform.poll() is None

    def start(self) -> None:
        """Start the platform on the stage's data."""
        self._platform = self._running.enter_context(self.stage.platform())

    def stop(self) -> None:
        """Stop it, and wait until it has ended."""
        self._running.close()
        self._platform = None

    def workers(self, cluster: Cluster, build: int) -> list[str]:
        """The workers of a build on a cluster, once there are any."""

        def look() -> list[str] | None:
            return [name for name in self.stage.cluster(cluster).workers if f"-{build}-" in name] or None

        return account.until(look, f"a worker of {cluster.value} on build {build} is there", seconds=STARTING)

    def sessions(self, application: str) -> list[SessionView]:
        """An application's stored sessions, newest first."""
        return self.stage.read(list[SessionView], "session", "list", "--app", application, "--limit", str(SESSIONS))

    def ended_sessions(self, application: str, count: int) -> list[SessionView]:
        """The same, once at least so many have ended."""

        def look() -> list[SessionView] | None:
            found = self.sessions(application)
            ended = [session for session in found if session.outcome is not None]
            return found if len(ended) >= count and len(ended) == len(found) else None

        return account.until(look, f"{count} ended sessions of {application} are stored")

    def session(self, session: str) -> SessionDetail:
        """One session with its transcript."""
        return self.stage.read(SessionDetail, "session", "show", session)
