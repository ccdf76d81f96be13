"""Builds as jobs: a manifest becomes a build that the store and the bus know.

Comes in: a manifest's text. Goes out: a job whose result is the build's number. A making that fails leaves nothing.
"""

import asyncio
import time
from pathlib import Path

from sqlalchemy.orm import Session

from twinline.bus import names
from twinline.control.jobs import Report
from twinline.control.plane import Plane
from twinline.control.schema import BuildRequest, Job
from twinline.control.store import builds
from twinline.model.builds import Build
from twinline.model.errors import Conflict, Mistake, NotFound, Refused
from twinline.release import Contents, Made, Manifest, as_build, build_wheel, make, parse, read_record, source_tree


async def start(plane: Plane, request: BuildRequest) -> Job:
    """Begin to make a build. Raises Mistake at once for a manifest or wheel that cannot be used."""
    manifest = parse(request.manifest)
    wheel = Path(request.wheel) if request.wheel else plane.settings.wheel
    if wheel is not None and not await asyncio.to_thread(wheel.is_file):
        raise Mistake(
            "there is no such wheel on the platform's machine", where=str(wheel), mend="name a wheel that is there"
        )

    async def work(report: Report) -> str:
        return str(await _make(plane, manifest, wheel, report))

    return await plane.jobs.start("build", "reading the manifest", work)


async def _make(plane: Plane, manifest: Manifest, wheel: Path | None, report: Report) -> int:
    def blocking() -> Made:
        return make(manifest, wheel=wheel or _own_wheel(plane), builds=plane.settings.builds, progress=report)

    made = await asyncio.to_thread(blocking)
    number = await plane.store.write(lambda transaction: _record(transaction, made, manifest))
    await plane.publisher.publish(names.BUILDS, str(number))
    return number


def _own_wheel(plane: Plane) -> Path | None:
    tree = source_tree()
    return build_wheel(tree, plane.settings.data / "wheels") if tree else None


def _record(transaction: Session, made: Made, manifest: Manifest) -> int:
    """The next number for what was made; its significance is against the build before it."""
    same = [build.number for build in builds.every(transaction) if build.digest == made.record.digest]
    if same:
        raise Conflict(
            f"build {same[0]} is exactly this", where="build.toml", mend="change the manifest, or use that build"
        )
    before = builds.latest(transaction)
    previous = _contents(before) if before else None
    return builds.add(transaction, as_build(made, manifest, number=0, previous=previous, made_at=time.time())).number


def _contents(build: Build) -> Contents:
    """What an earlier build holds, as far as it is still known: its folder may have been removed since."""
    try:
        return read_record(Path(build.path)).contents
    except (NotFound, Refused):
        return Contents(build.components)
