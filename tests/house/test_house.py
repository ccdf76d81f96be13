"""The house is in order: every room says what it is for, and nothing of one machine is in the tree."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "twinline"

WINGS = ("model", "bus", "runtime", "network", "release", "rehearsal", "control", "cli")

# Written in parts, so that this file is not what it looks for.
LEAKS = re.compile(
    "|".join(["https?://" + "pypi", "files\\.python" + "hosted", "/home/" + "[a-z]", "/Users/" + "[a-z]"])
)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("wing", WINGS)
def test_every_wing_says_what_it_is_for(wing: str) -> None:
    said = ast.get_docstring(ast.parse((SOURCE / wing / "__init__.py").read_text()))
    assert said is not None
    assert len(said) > 60


def test_there_is_no_other_wing() -> None:
    assert {each.name for each in SOURCE.iterdir() if each.is_dir() and each.name != "__pycache__"} == set(WINGS)


@pytest.mark.parametrize("module", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_room_says_what_it_is_for(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text()))


def test_no_file_names_a_registry_s_address_or_a_developer_s_folder() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {leak.group()}"
        for path in tracked()
        if (leak := LEAKS.search(path.read_text(errors="ignore")))
    ]
    assert found == []


def test_no_lock_holds_a_download_address() -> None:
    locks = [path for path in tracked() if path.suffix == ".lock"]
    assert locks
    assert [path.name for path in locks if "://" in path.read_text()] == []


def test_every_page_of_the_documentation_is_in_its_index() -> None:
    for folder in (ROOT / "docs", ROOT / "docs" / "decisions"):
        index = (folder / "README.md").read_text()
        missing = [page.name for page in folder.glob("*.md") if page.name != "README.md" and page.name not in index]
        assert missing == [], f"{folder.name}/README.md"


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in tracked()
        if page.suffix == ".md"
        for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []
