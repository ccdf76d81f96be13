"""Packing a folder: the same files make the same bytes, and what cannot be sent is refused before it is."""

import io
import os
import random
import tarfile
from pathlib import Path

import pytest

from twinline.cli.bundle import find_entry, pack
from twinline.model.applications import BUNDLE_FILES_LIMIT, BUNDLE_LIMIT
from twinline.model.errors import Mistake


def names(bundle: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(bundle), mode="r:gz") as archive:
        return archive.getnames()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "application"
    (made / "words").mkdir(parents=True)
    (made / "main.py").write_text("say('hello')\n")
    (made / "words" / "german.txt").write_text("Guten Tag\n")
    return made


def test_the_same_files_make_the_same_bytes_whenever_and_by_whom_they_were_written(folder: Path) -> None:
    first = pack(folder)
    os.utime(folder / "main.py", (1, 1))
    (folder / "words" / "german.txt").chmod(0o600)
    assert pack(folder) == first


def test_a_changed_file_makes_another_bundle(folder: Path) -> None:
    first = pack(folder)
    (folder / "main.py").write_text("say('good day')\n")
    assert pack(folder) != first


def test_what_comes_out_is_what_went_in(folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(pack(folder)), mode="r:gz") as archive:
        file = archive.extractfile("words/german.txt")
        assert archive.getnames() == ["main.py", "words/german.txt"]
        assert file is not None
        assert file.read() == b"Guten Tag\n"


def test_the_developers_own_files_stay_at_home(folder: Path) -> None:
    for name in (".git/config", "__pycache__/main.cpython-311.pyc", ".venv/bin/python", "words/old.pyc"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
    assert names(pack(folder)) == ["main.py", "words/german.txt"]


def test_a_link_is_refused_by_name(folder: Path) -> None:
    (folder / "secrets").symlink_to("/etc/passwd")
    with pytest.raises(Mistake, match=r"secrets: is a link"):
        pack(folder)


def test_a_linked_folder_is_refused_too(folder: Path) -> None:
    (folder / "shared").symlink_to("/etc", target_is_directory=True)
    with pytest.raises(Mistake, match=r"shared: is a link"):
        pack(folder)


def test_too_much_code_is_refused_before_it_is_sent(folder: Path) -> None:
    (folder / "film.bin").write_bytes(random.Random(1).randbytes(BUNDLE_LIMIT + 1))
    with pytest.raises(Mistake, match="over 10 MiB when packed"):
        pack(folder)


def test_too_many_files_are_refused(folder: Path) -> None:
    for number in range(BUNDLE_FILES_LIMIT):
        (folder / f"{number}.txt").touch()
    with pytest.raises(Mistake, match="more than 2,000 files"):
        pack(folder)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="is not a folder"):
        pack(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["main.py", "main.js", "webapi.json"])
def test_the_first_script_is_found_by_its_usual_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert find_entry(tmp_path) == name


@pytest.mark.parametrize(("files", "sentence"), [((), "has no main"), (("main.py", "main.js"), "has both")])
def test_an_unclear_first_script_has_to_be_named(tmp_path: Path, files: tuple[str, ...], sentence: str) -> None:
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(Mistake, match=sentence):
        find_entry(tmp_path)
