"""The platform on one machine: what `twinline up` runs.

Comes in: a data folder and ports. Goes out: a NATS server, the control plane, the edge and a worker for each build that a
cluster needs, kept running until told to stop; `platform.json` in the data folder says where everything is.

Placement follows what is published on the bus: this process decides nothing about releases, it only runs what the
clusters' pointers and the rehearsals ask for.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import structlog

from twinline.bus import Bus, BusAddress, connect, names, wait_until_prepared
from twinline.control.supervisor import Command, Supervisor
from twinline.model.builds import BuildEntry, BuildState, Cluster, ClusterPointer
from twinline.model.errors import Conflict, Refused, Trouble
from twinline.model.messages import RehearsalDemand
from twinline.release import interpreters, verify
from twinline.runtime.worker import WorkerSettings

log = structlog.get_logger()

STATES_WITH_WORKERS = frozenset({BuildState.CURRENT, BuildState.RAMPING, BuildState.DRAINING, BuildState.DRAINED})
"""A drained build keeps its worker warm for a rollback until it is retired."""


class PlatformSettings(msgspec.Struct, frozen=True):
    """How the platform runs on this machine. Port 0 picks a free one; times are seconds."""

    data: Path
    host: str = "127.0.0.1"
    edge_port: int = 8080
    api_port: int = 8081
    sandbox: str = "bubblewrap"
    allow_outbound: frozenset[str] = frozenset()
    public_url: str = ""
    session_time_limit: float = 24 * 3600.0
    sessions_per_worker: int = 500
    lanes_per_worker: int = 4
    rehearsal_idle: float = 60.0
