"""Builds over the API: made as jobs, announced once, put on clusters."""

from pathlib import Path

import pytest
from tests.control.conftest import ControlProcess
from tests.control.examples import add_build
from tests.release.conftest import small_wheel

from twinline.control.client import Client
from twinline.control.schema import Job
from twinline.control.store import Store
from twinline.model.builds import Cluster, ComponentName, Significance
from twinline.model.errors import Conflict, Mistake, NotFound, Refused, TwinlineError
from twinline.model.release import Verdict

MANIFEST = '[python]\nversion = "3.11"\n'


def test_a_manifest_with_an_unknown_component_is_refused_with_its_line(client: Client) -> None:
    before = client.builds()
    with pytest.raises(Mistake, match="cobol") as caught:
        client.create_build(MANIFEST + '\n[cobol]\nversion = "85"\n')
    assert "4" in caught.value.where
    assert client.builds() == before


def test_a_wheel_that_is_not_there_is_refused_at_once(client: Client) -> None:
    with pytest.raises(Mistake, match="no such wheel"):
        client.create_build(MANIFEST, "/nowhere/twinline-1-py3-none-any.whl")


def test_a_making_that_fails_is_a_failed_job_and_leaves_nothing(
    client: Client, control: ControlProcess, tmp_path: Path
) -> None:
    before = client.builds()
    wheel = tmp_path / "twinline-1-py3-none-any.whl"
    wheel.write_bytes(b"no wheel")
    job = client.create_build(MANIFEST, str(wheel))
    with pytest.raises(TwinlineError, match="wheel"):
        client.wait(job)
    assert client.builds() == before
    assert not [it for it in (control.data / "builds").glob("*") if it.is_dir()]


def test_a_build_that_does_not_exist_is_not_found(client: Client) -> None:
    for ask in (client.build, client.publish_build, client.excuse):
        with pytest.raises(NotFound, match="build 404"):
            ask(404)
    with pytest.raises(NotFound, match="build 404"):
        client.place_build(Cluster.DEVELOPMENT, 404)
    with pytest.raises(NotFound, match="build 404"):
        client.rehearse(404)
    with pytest.raises(NotFound, match="build 404"):
        client.promote(404)


async def test_a_build_is_announced_once(client: Client, records: Store) -> None:
    number = await add_build(records, published=False)
    published = client.publish_build(number)
    assert published.published_at is not None
    entry = client.changelog()[0]
    assert (entry.kind, entry.build, entry.changes) == ("published", number, published.changes)
    with pytest.raises(Conflict, match="already"):
        client.publish_build(number)


async def test_only_a_published_build_is_put_on_development(client: Client, records: Store) -> None:
    number = await add_build(records, published=False)
    with pytest.raises(NotFound, match="no published build"):
        client.place_build(Cluster.DEVELOPMENT, number)
    client.publish_build(number)
    pointer = client.place_build(Cluster.DEVELOPMENT, number)
    assert pointer.current == number
    assert [it.current for it in client.clusters() if it.cluster is Cluster.DEVELOPMENT] == [number]
    with pytest.raises(Mistake, match="already"):
        client.place_build(Cluster.DEVELOPMENT, number)


async def test_significance_is_only_ever_raised(client: Client, records: Store) -> None:
    number = await add_build(records)
    assert client.raise_significance(number, Significance.SIGNIFICANT).significance is Significance.SIGNIFICANT
    with pytest.raises(Refused, match="cannot become"):
        client.raise_significance(number, Significance.PATCH)
    assert client.build(number).significance is Significance.SIGNIFICANT


async def test_an_excuse_names_each_gate(client: Client, records: Store) -> None:
    excuse = client.excuse(await add_build(records))
    assert excuse.verdict >= Verdict.WAIT
    assert {"soak", "rehearsal", "undetermined"} <= {gate.gate for gate in excuse.gates}


def test_a_manifest_becomes_a_build_with_the_next_number_once(client: Client, tmp_path: Path) -> None:
    wheel = str(small_wheel(tmp_path))
    before = max((build.number for build in client.builds()), default=0)
    seen: list[Job] = []
    job = client.wait(client.create_build(MANIFEST, wheel), progress=seen.append, poll=0.02)
    build = client.build(int(job.result))
    assert build.number == before + 1
    assert build.published_at is None
    assert build.components[ComponentName.PYTHON].startswith("3.11.")
    assert {it.steps for it in seen if it.steps} == {job.steps}
    with pytest.raises(Conflict, match=f"build {build.number} is exactly this"):
        client.wait(client.create_build(MANIFEST, wheel))
