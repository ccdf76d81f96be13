"""Endpoints about the platform as a whole: its status, its clusters, its jobs, its keys.

Comes in: requests. Goes out: documents of `schema`.
"""

from functools import partial
from http import HTTPStatus
from importlib.metadata import version

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from twinline.control import clusters
from twinline.control.api.access import PUBLIC
from twinline.control.api.errors import documented
from twinline.control.plane import Plane
from twinline.control.schema import ClusterView, Job, Key, KeyRequest, PlaceBuild, Status
from twinline.control.store import applications, keys, sessions
from twinline.model.builds import Cluster, ClusterPointer
from twinline.model.errors import Mistake

VERSION = version("twinline")

NAME_LIMIT = 100
"""Characters of a key's name: a person's or a program's."""


@get("/healthz", opt={PUBLIC: True}, media_type="text/plain", tags=["platform"], summary="Whether anybody answers")
async def healthz() -> str:
    """Answer as soon as requests are taken."""
    return "ok"


@get("/api/status", tags=["platform"], summary="The platform at a glance", responses=documented())
async def status(plane: NamedDependency[Plane]) -> Status:
    """The platform at a glance."""
    return Status(
        VERSION,
        tuple(await clusters.views(plane)),
        len(await plane.store.read(applications.entries)),
        await plane.store.read(sessions.count),
    )


@get("/api/clusters", tags=["clusters"], summary="What the clusters run", responses=documented())
async def cluster_list(plane: NamedDependency[Plane]) -> list[ClusterView]:
    """Both clusters with their live workers."""
    return await clusters.views(plane)


@post(
    "/api/clusters/{cluster:str}/build",
    status_code=HTTPStatus.OK,
    tags=["clusters"],
    summary="Put a published build on a cluster",
    responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def place_build(
    plane: NamedDependency[Plane], cluster: FromPath[Cluster], data: JSONBody[PlaceBuild]
) -> ClusterPointer:
    """Development takes any published build; production only its very first this way."""
    return await clusters.place(plane, cluster, data.build)


@get("/api/jobs/{job:str}", tags=["jobs"], summary="Where a job stands", responses=documented(HTTPStatus.NOT_FOUND))
async def job_detail(plane: NamedDependency[Plane], job: FromPath[str]) -> Job:
    """Where a long piece of work stands."""
    return await plane.jobs.get(job)


@post("/api/keys", tags=["keys"], summary="Make an API key", status_code=HTTPStatus.CREATED, responses=documented())
async def create_key(plane: NamedDependency[Plane], data: JSONBody[KeyRequest]) -> Key:
    """Make a key. Its secret is in this answer and nowhere else."""
    name = " ".join(data.name.split())
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        raise Mistake("a key has a name", where="body name", mend=f"1 to {NAME_LIMIT} printable characters")
    return await plane.store.write(partial(keys.create, name=name))


@get("/api/keys", tags=["keys"], summary="The keys in use", responses=documented())
async def key_list(plane: NamedDependency[Plane]) -> list[Key]:
    """The keys in use, without their secrets."""
    return await plane.store.read(keys.every)


@delete("/api/keys/{key:int}", tags=["keys"], summary="Revoke a key", responses=documented(HTTPStatus.NOT_FOUND))
async def revoke_key(plane: NamedDependency[Plane], key: FromPath[int]) -> None:
    """Make a key worthless from now on."""
    await plane.store.write(partial(keys.revoke, number=key))


HANDLERS = (healthz, status, cluster_list, place_build, job_detail, create_key, key_list, revoke_key)
