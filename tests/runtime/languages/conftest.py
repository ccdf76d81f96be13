"""Sandboxes with the interpreters that a build would have."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.runtime.languages.stage import Stage
from twinline.runtime.languages.sandbox import Interpreters, Limits, Sandboxes

SMALL = Limits(
    memory=96 * 1024 * 1024,
    processes=32,
    files=64,
    cpu_seconds=1,
    output=64 * 1024,
    tmp_bytes=4 * 1024 * 1024,
)
"""Limits that a hostile script meets soon."""


@pytest.fixture(scope="module")
def interpreters(node22: Path) -> Interpreters:
    return Interpreters(python=Path(sys.executable), node=node22, own=Path(sys.executable))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(interpreters: Interpreters, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Where scripts run under small limits."""
    folder = tmp_path_factory.mktemp("stage")
    sandboxes = Sandboxes(
        interpreters,
        SMALL,
        mode="bubblewrap",
        outbound_socket=folder / "outbound.sock",
        ca_file=folder / "ca.pem",
        capacity=4,
    )
    async with sandboxes:
        yield Stage(sandboxes, folder / "bundles")
