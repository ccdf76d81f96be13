"""Scripts of a bundle are parsed by the interpreters of the build that would run them, and never run."""

import sys
from pathlib import Path

import pytest
from tests.control.examples import a_bundle
from tests.nodes import node

from twinline.control import bundles
from twinline.model.applications import BUNDLE_LIMIT, Language
from twinline.model.errors import Mistake
from twinline.release import Interpreters


@pytest.fixture(scope="session")
def programs() -> Interpreters:
    return Interpreters(Path(sys.executable), Path(sys.executable), node("22"))


async def test_a_javascript_syntax_error_is_named_with_file_and_line(programs: Interpreters) -> None:
    with pytest.raises(Mistake, match="SyntaxError") as caught:
        await bundles.check(a_bundle({"src/main.js": "say('a');\n\nconst = 1;\n"}), "src/main.js", programs)
    assert caught.value.where == "src/main.js, line 3"


async def test_javascript_that_parses_is_a_version(programs: Interpreters) -> None:
    version = await bundles.check(a_bundle({"main.js": "const util = require('util');\n"}), "main.js", programs)
    assert version.language is Language.JAVASCRIPT


@pytest.mark.parametrize("name", ["main.py", "main.js"])
async def test_a_script_is_parsed_and_never_run(programs: Interpreters, tmp_path: Path, name: str) -> None:
    trace = tmp_path / "ran"
    script = {
        "main.py": f"open({str(trace)!r}, 'w')\n",
        "main.js": f"require('fs').writeFileSync({str(trace)!r}, '')\n",
    }
    await bundles.check(a_bundle(script), name, programs)
    assert not trace.exists()


@pytest.mark.parametrize(
    "source", ["(" * 100_000, "x = " + "-" * 200_000 + "1", "\ud800".encode("utf-8", "surrogatepass")]
)
async def test_a_script_that_breaks_the_parser_is_a_mistake_of_the_bundle(
    programs: Interpreters, source: str | bytes
) -> None:
    with pytest.raises(Mistake):
        await bundles.check(a_bundle({"main.py": source}), "main.py", programs)


async def test_a_bundle_over_its_limit_is_refused(programs: Interpreters) -> None:
    with pytest.raises(Mistake, match="bytes"):
        await bundles.check(bytes(BUNDLE_LIMIT + 1), "main.py", programs)


async def test_an_application_elsewhere_is_a_version_of_the_file_that_says_where(programs: Interpreters) -> None:
    version = await bundles.check(
        a_bundle({"webapi.json": '{"url": "https://app.example/tropo"}'}), "webapi.json", programs
    )
    assert (version.language, version.entry) == (Language.WEB, "webapi.json")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": "ftp://a/"}', '{"url": "https://u:p@a/"}', '{"url": 1}'])
async def test_a_file_that_does_not_say_where_is_refused_by_its_name(programs: Interpreters, content: str) -> None:
    with pytest.raises(Mistake, match=r"webapi\.json") as refused:
        await bundles.check(a_bundle({"webapi.json": content}), "webapi.json", programs)
    assert "https://" in refused.value.mend
