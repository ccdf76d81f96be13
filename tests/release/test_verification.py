"""A build that is not what was made is refused, and the file is named."""

import hashlib
import os
import subprocess
from pathlib import Path

import msgspec
import pytest
from tests.release.conftest import Builds

from twinline.model.errors import NotFound, Refused
from twinline.release import interpreters, verify
from twinline.release.record import Ingredients, digest_of, read_record
from twinline.release.verification import list_files

pytestmark = pytest.mark.timeout(300)
"""Making both builds copies and compiles 700 MB, once for a state of the tree."""

NAME = "runtime/lib/python3.11/site-packages/twinline/__init__.py"


def replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def refusal(folder: Path) -> str:
    with pytest.raises(Refused) as caught:
        verify(folder)
    return str(caught.value)


def test_a_build_as_it_was_made_is_accepted(builds: Builds) -> None:
    assert verify(builds.first.folder) == builds.first.record
    assert verify(builds.second.folder) == builds.second.record


def test_running_it_changes_nothing(builds: Builds) -> None:
    programs = interpreters(builds.first.folder)
    for program, modules in ((programs.own, "twinline.bus, mitmproxy.http, lark"), (programs.python, "requests")):
        subprocess.run([program, "-c", f"import {modules}"], check=True, cwd="/", env={"PATH": os.defpath})
    verify(builds.first.folder)


def test_a_changed_file_is_named(copied: Path) -> None:
    path = copied / NAME
    replace(path, path.read_bytes() + b"\n")
    assert f"changed: {NAME}" in refusal(copied)


def test_a_byte_changed_in_place_with_its_time_put_back_is_named(copied: Path) -> None:
    path = copied / NAME
    before = path.stat()
    replace(path, path.read_bytes().replace(b"word", b"wort"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert f"changed: {NAME}" in refusal(copied)


def test_a_missing_file_is_named(copied: Path) -> None:
    (copied / NAME).unlink()
    assert f"missing: {NAME}" in refusal(copied)


def test_an_added_file_is_named(copied: Path) -> None:
    (copied / "python/lib/python3.11/site-packages/sneaky.pth").write_text("import os")
    assert "added: python/lib/python3.11/site-packages/sneaky.pth" in refusal(copied)


def test_a_link_that_points_elsewhere_is_named(copied: Path) -> None:
    link = copied / "runtime/bin/python"
    link.unlink()
    link.symlink_to("/bin/true")
    assert "changed: runtime/bin/python" in refusal(copied)


def test_a_file_made_a_link_is_named(copied: Path) -> None:
    path = copied / NAME
    moved = copied.parent / "elsewhere.py"
    path.rename(moved)
    path.symlink_to(moved)
    assert f"changed: {NAME}" in refusal(copied)


def test_many_changes_are_named_and_counted(copied: Path) -> None:
    for number in range(8):
        (copied / f"extra-{number}").touch()
    said = refusal(copied)
    assert "added: extra-0" in said
    assert "and 3 more" in said


def test_a_changed_lock_is_named(copied: Path) -> None:
    replace(copied / "runtime.lock", b"requests==0.1")
    assert "changed: runtime.lock" in refusal(copied)


@pytest.mark.parametrize("content", [b"", b"{}", b"{", b"\xff"])
def test_a_record_that_cannot_be_read_is_named(copied: Path, content: bytes) -> None:
    replace(copied / "build.json", content)
    assert "changed: build.json" in refusal(copied)


def test_a_record_of_another_build_is_named(copied: Path) -> None:
    record = (copied / "build.json").read_bytes()
    replace(copied / "build.json", record.replace(copied.name.encode(), b"0" * 64))
    assert "changed: build.json" in refusal(copied)


def test_a_build_under_another_name_is_refused(copied: Path) -> None:
    moved = copied.rename(copied.with_name("0" * 64))
    assert "changed: build.json" in refusal(moved)


def test_a_changed_list_of_files_is_named(copied: Path) -> None:
    replace(copied / "files.json", b"{}")
    assert "changed: files.json" in refusal(copied)
    (copied / "files.json").unlink()
    assert "missing: files.json" in refusal(copied)


def test_no_build_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no build"):
        verify(tmp_path / "nothing")


def test_a_python_that_the_machine_has_upgraded_is_named(copied: Path) -> None:
    older = resealed(copied, own_python="3.11.0")
    said = refusal(older)
    assert "is now 3.11." in said
    assert "the build was made with 3.11.0" in said


def test_a_python_that_the_machine_no_longer_has_is_named(copied: Path) -> None:
    link = copied / "runtime/bin/python"
    link.unlink()
    link.symlink_to("/nowhere/python3.11")
    said = refusal(resealed(copied))
    assert "is no longer at /nowhere/python3.11" in said
    assert "install Python 3.11" in said


def resealed(folder: Path, **changes: str) -> Path:
    """The build as if it had been made as it stands now: for what can change outside its folder."""
    files = msgspec.json.encode(list_files(folder))
    replace(folder / "files.json", files)
    record = msgspec.structs.replace(read_record(folder), files=hashlib.sha256(files).hexdigest(), **changes)
    ingredients = Ingredients(
        manifest=(folder / "manifest.toml").read_text(),
        runtime_lock=(folder / "runtime.lock").read_text(),
        python_lock=(folder / "python.lock").read_text(),
        wheel=record.wheel,
        own_python=record.own_python,
        hosted_python=record.hosted_python,
    )
    record = msgspec.structs.replace(record, digest=digest_of(ingredients))
    replace(folder / "build.json", msgspec.json.encode(record))
    return folder.rename(folder.with_name(record.digest))
