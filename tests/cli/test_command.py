"""The command as a program: help, exit codes, where it looks for the platform."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import run as twinline


def test_help_names_every_command() -> None:
    told = twinline("--help")
    assert told.code == 0
    for command in ("up", "status", "build", "cluster", "app", "twin", "session", "rehearse", "rehearsal"):
        assert f"\n  {command} " in told.out
    for command in ("excuse", "promote", "rollback", "promotion", "changelog", "key"):
        assert f"\n  {command} " in told.out


def test_help_does_not_wait_for_what_only_a_conversation_with_the_platform_needs() -> None:
    loaded = "import sys, twinline.cli; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout.split()
    assert not {"httpx", "rich.progress", "litestar", "sqlalchemy", "nats"} & set(modules)


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("build", "show"),
        ("build", "show", "0"),
        ("build", "show", "one"),
        ("cluster", "place", "x", "1"),
    ],
)
def test_bad_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    told = twinline(*arguments)
    assert told.code == 2
    assert "Traceback" not in told.err


def test_an_unknown_platform_says_how_to_start_one(tmp_path: Path) -> None:
    told = twinline("--data", tmp_path, "status")
    assert told.code == 2
    assert told.err.startswith(f"error: {tmp_path}/platform.json: no platform is known here")
    assert "twinline up" in told.err
    assert told.out == ""


def test_a_platform_that_does_not_answer_ends_with_2_in_one_line() -> None:
    told = twinline("status", TWINLINE_URL="http://127.0.0.1:1", TWINLINE_API_KEY="k")
    assert told.code == 2
    assert "http://127.0.0.1:1" in told.err
    assert len(told.err.splitlines()) == 1


def test_a_broken_platform_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "platform.json").write_text("{}")
    told = twinline("--data", tmp_path, "status")
    assert told.code == 2
    assert "platform.json: not a platform file" in told.err


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "platform.json").write_text('{"api": "http://127.0.0.1:1"}')
    told = twinline("--data", tmp_path, "status")
    assert told.code == 2
    assert f"{tmp_path}/api-key: no API key" in told.err


def test_a_missing_manifest_is_the_callers_to_mend(tmp_path: Path) -> None:
    told = twinline("build", "create", tmp_path / "none.toml", TWINLINE_URL="http://127.0.0.1:1", TWINLINE_API_KEY="k")
    assert told.code == 1
    assert "none.toml" in told.err


def test_overrides_without_their_reasons_are_refused() -> None:
    told = twinline("promote", "2", "--override", "soak", TWINLINE_URL="http://127.0.0.1:1", TWINLINE_API_KEY="k")
    assert told.code == 1
    assert "1 overrides with 0 reasons" in told.err
