"""What stands on the bus: streams, subjects, buckets, and how a thing is named there.

Comes in: words of the model. Goes out: names. Nothing here talks to a server.
"""

import hashlib

INBOUND = "INBOUND"
INBOUND_SUBJECT = "inbound"
"""Messages accepted from carriers and closings of sessions, read in order by the dispatcher."""

WORK = "WORK"
"""A queue for each worker, `work.<worker>`: sessions to start and messages for those that run."""

OUTBOUND = "OUTBOUND"
OUTBOUND_SUBJECT = "outbound"
"""Replies and messages on their way to carriers."""

UNDELIVERABLE = "UNDELIVERABLE"
UNDELIVERABLE_SUBJECT = "undeliverable"
"""Messages given up, in either direction, with the reason."""

TRANSCRIPTS = "TRANSCRIPTS"
"""Transcripts as they grow, `transcripts.<session>`; the control plane stores them."""

REHEARSAL = "REHEARSAL"
"""A work queue for each build, `rehearsal.<build>`: lane-runs to make."""

RESULTS = "RESULTS"
"""What came of lane-runs, `results.<rehearsal>`."""

DIRECTORY = "directory"
APPLICATIONS = "applications"
CLUSTERS = "clusters"
BUILDS = "builds"
CONVERSATIONS = "conversations"
OPEN_SESSIONS = "open_sessions"
WORKERS = "workers"
REHEARSALS = "rehearsals"
BUNDLES = "bundles"
EDGE = "edge"


def work_subject(worker: str) -> str:
    """The subject of a worker's own queue."""
    return f"work.{worker}"


def transcript_subject(session: str) -> str:
    """The subject that a session's transcript grows on."""
    return f"transcripts.{session}"


def rehearsal_subject(build: int) -> str:
    """The queue of lane-runs for one build."""
    return f"rehearsal.{build}"


def results_subject(rehearsal: str) -> str:
    """Where the results of one rehearsal arrive."""
    return f"results.{rehearsal}"


def address_key(address: str) -> str:
    """An address as a bucket key: addresses hold characters (`+`, `:`, `@`) that keys cannot."""
    return hashlib.sha256(address.encode()).hexdigest()[:32]


def conversation_of(address: str, sender: str) -> str:
    """The conversation between an address of ours and a person: order is kept, and sessions belong, by it."""
    return hashlib.sha256(f"{address}\n{sender}".encode()).hexdigest()[:32]


def worker_name(cluster: str, build: int, index: int = 0) -> str:
    """A live worker's name; it outlives restarts of the process, and its queue with it."""
    return f"{cluster}-{build}-{index}"


def rehearsal_worker_name(build: int, index: int = 0) -> str:
    """The name of a worker that only rehearses."""
    return f"rehearsal-{build}-{index}"
