"""Cluster pointers: moved by compare-and-swap."""

from functools import partial
from pathlib import Path

import pytest
from tests.control.examples import add_build

from twinline.control.store import builds as records
from twinline.control.store import open_store
from twinline.model.builds import BuildState, Cluster, ClusterPointer
from twinline.model.errors import Conflict


async def test_of_two_who_saw_the_same_generation_only_the_first_moves_the_cluster(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    one, two = await add_build(store), await add_build(store)
    for generation in (1, 2):
        first, second = (
            ClusterPointer(Cluster.PRODUCTION, build, generation, {build: BuildState.CURRENT}) for build in (one, two)
        )
        await store.write(partial(records.move, new=first))
        with pytest.raises(Conflict, match="somebody else"):
            await store.write(partial(records.move, new=second))
        assert await store.read(lambda it: records.pointer(it, Cluster.PRODUCTION)) == first
    store.close()
