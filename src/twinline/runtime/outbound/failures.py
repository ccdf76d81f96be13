"""Answers that the way out gives by itself: why an exchange had no answer from outside, and what the script sees.

Comes in: a kind and a sentence. Goes out: the text kept in `HttpExchange.error`, and the same failure read back from
it, so that a rehearsal fails as the recorded session did.
"""

from enum import Enum

from twinline.runtime.outbound.wire import Response

HEADER = "X-Twinline"
"""Response header that tells an answer of ours from one of the world; its value is the failure's kind."""


class Kind(Enum):
    """Why there was no answer, with the status that the script sees instead."""

    REFUSED = "refused", 403
    UNREACHABLE = "unreachable", 502
    TOO_LARGE = "too large", 502
    TIMED_OUT = "timed out", 504
    CASSETTE_MISS = "cassette miss", 504
    ABANDONED = "abandoned", 504

    def __init__(self, label: str, status: int) -> None:
        self.label = label
        self.status = status


class Failure(Exception):
    """An exchange had no answer from outside. `sentence` says why, for the script's developer."""

    def __init__(self, kind: Kind, sentence: str) -> None:
        self.kind = kind
        self.sentence = sentence
        super().__init__(f"{kind.label}: {sentence}")

    def response(self) -> Response:
        """What the script gets instead."""
        body = f"{self}\n".encode()
        headers = ((HEADER, self.kind.label.replace(" ", "-")), ("Content-Type", "text/plain; charset=utf-8"))
        return Response(status=self.kind.status, headers=(*headers, ("Content-Length", str(len(body)))), body=body)


def failure_of(error: str) -> Failure:
    """The failure that a recorded error tells of. An error of no known kind reads as `unreachable`."""
    label, _, sentence = error.partition(": ")
    for kind in Kind:
        if kind.label == label:
            return Failure(kind, sentence)
    return Failure(Kind.UNREACHABLE, error)
