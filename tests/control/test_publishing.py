"""Published state is what the store says: after each change, after a restart, and after the bus was away."""

import asyncio
import hashlib
from contextlib import suppress

from tests.control.conftest import eventually, running
from tests.control.examples import a_bundle, add_build

from twinline.bus import Bus, names
from twinline.control import applications, clusters
from twinline.control.main import control_plane
from twinline.control.plane import Plane
from twinline.control.publishing import snapshot
from twinline.control.schema import NewAddress, NewApplication
from twinline.control.settings import Settings
from twinline.control.store import applications as records
from twinline.model.applications import AddressEntry, ApplicationEntry, Carrier, Language, Version
from twinline.model.builds import BuildEntry, Cluster, ClusterPointer
from twinline.model.errors import Trouble

CARRIER = Carrier("generic", "http://127.0.0.1:9/replies", "s3cret")
PACKED = a_bundle({"main.py": "say('hello')\n"})


async def fill(plane: Plane) -> None:
    number = await add_build(plane.store)
    await clusters.place(plane, Cluster.PRODUCTION, number)
    await applications.create(plane, NewApplication("shop", Cluster.PRODUCTION))
    await applications.deploy(plane, "shop", PACKED, "main.py", "ada")
    await applications.add_address(plane, "shop", NewAddress("+15550100", CARRIER))


async def check(bus: Bus) -> None:
    version = Version(hashlib.sha256(PACKED).hexdigest(), "main.py", Language.PYTHON)
    assert await snapshot(bus, names.APPLICATIONS, ApplicationEntry) == {
        "shop": ApplicationEntry("shop", Cluster.PRODUCTION, version)
    }
    assert await snapshot(bus, names.DIRECTORY, AddressEntry) == {
        names.address_key("+15550100"): AddressEntry("+15550100", "shop", CARRIER)
    }
    pointers = await snapshot(bus, names.CLUSTERS, ClusterPointer)
    assert {cluster: pointer.current for cluster, pointer in pointers.items()} == {
        "production": 1,
        **({"development": None} if "development" in pointers else {}),
    }
    assert set(await snapshot(bus, names.BUILDS, BuildEntry)) <= {"1"}
    assert (await (await bus.bundles()).get(version.digest)).data == PACKED


async def test_every_change_is_published(plane: Plane, bus: Bus) -> None:
    await fill(plane)
    await check(bus)
    await applications.remove_address(plane, "shop", "+15550100")
    assert await snapshot(bus, names.DIRECTORY, AddressEntry) == {}


async def test_a_start_mends_what_the_bus_lost_and_removes_what_the_store_never_had(
    settings: Settings, bus: Bus
) -> None:
    async with control_plane(settings) as plane:
        await fill(plane)
    stranger = ApplicationEntry("stranger", Cluster.PRODUCTION, None)
    await bus.put(names.APPLICATIONS, "stranger", stranger)
    await bus.put(names.APPLICATIONS, "shop", stranger)
    await bus.delete(names.DIRECTORY, names.address_key("+15550100"))
    await bus.delete(names.CLUSTERS, "production")
    await (await bus.bundles()).delete(hashlib.sha256(PACKED).hexdigest())
    async with control_plane(settings):
        await check(bus)
        assert set(await snapshot(bus, names.BUILDS, BuildEntry)) == {"1"}


async def test_what_was_decided_while_the_bus_was_away_is_published_later(plane: Plane, bus: Bus) -> None:
    await plane.bus.close()
    with suppress(Trouble):
        await applications.create(plane, NewApplication("shop", Cluster.PRODUCTION))
    assert "shop" in await plane.store.read(records.entries)
    async with control_plane(plane.settings) as again, running(again.publisher.run()):

        async def there() -> ApplicationEntry | None:
            return await bus.get(names.APPLICATIONS, "shop", ApplicationEntry)

        assert await eventually(there) == ApplicationEntry("shop", Cluster.PRODUCTION, None)
    await asyncio.sleep(0)
