"""The command on a real platform: what it makes is there, what it refuses is said in one line and changes nothing."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.cli.conftest import Told, run

from twinline.control.schema import ApplicationView, ClusterView, Key, RehearsalView, SessionView, Status
from twinline.model.builds import Build, Cluster
from twinline.model.release import ChangelogEntry, Promotion

Twinline = Callable[..., Told]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text("say('hello')\n")
    return tmp_path


def one_line(told: Told) -> str:
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert len(told.err.splitlines()) == 1
    return told.err


def test_every_list_gives_the_api_s_json(twinline: Twinline) -> None:
    for arguments, type_ in (
        (("status",), Status),
        (("build", "list"), list[Build]),
        (("cluster", "list"), list[ClusterView]),
        (("app", "list"), list[ApplicationView]),
        (("session", "list"), list[SessionView]),
        (("rehearsal", "list"), list[RehearsalView]),
        (("promotion", "list"), list[Promotion]),
        (("changelog",), list[ChangelogEntry]),
        (("key", "list"), list[Key]),
    ):
        told = twinline(*arguments, "--json")
        assert told.code == 0, (arguments, told)
        msgspec.json.decode(told.out, type=type_)


def test_an_application_goes_from_nothing_to_reachable(twinline: Twinline, script: Path) -> None:
    assert twinline("app", "create", "greeter", "--mode", "production").code == 0
    deployed = twinline("app", "deploy", "greeter", script)
    assert "greeter is live at version" in deployed.out
    assert twinline("app", "address", "greeter", "+1555001", "--url", "http://127.0.0.1:1/", "--secret", "s").code == 0
    made = msgspec.json.decode(twinline("app", "show", "greeter", "--json").out, type=ApplicationView)
    assert made.mode is Cluster.PRODUCTION
    assert made.live is not None
    assert made.live.entry == "main.py"
    assert made.addresses == ("+1555001",)


def test_unchanged_code_makes_no_new_version(twinline: Twinline, script: Path) -> None:
    twinline("app", "create", "steady")
    first = twinline("app", "deploy", "steady", script).out
    assert twinline("app", "deploy", "steady", script).out == first


def test_a_syntax_error_is_refused_with_its_file_and_line(twinline: Twinline, tmp_path: Path) -> None:
    twinline("app", "create", "broken")
    (tmp_path / "main.py").write_text("say('hello')\nif True\n")
    told = twinline("app", "deploy", "broken", tmp_path)
    assert told.code == 1
    assert "main.py:2" in one_line(told) or "main.py, line 2" in told.err
    made = msgspec.json.decode(twinline("app", "show", "broken", "--json").out, type=ApplicationView)
    assert made.live is None


def test_a_taken_name_is_refused(twinline: Twinline) -> None:
    twinline("app", "create", "taken")
    told = twinline("app", "create", "taken")
    assert told.code == 1
    assert "taken" in one_line(told)


def test_a_taken_address_names_who_has_it(twinline: Twinline) -> None:
    address = ("+1555002", "--url", "http://127.0.0.1:1/", "--secret", "s")
    twinline("app", "create", "holder")
    twinline("app", "create", "wisher")
    assert twinline("app", "address", "holder", *address).code == 0
    told = twinline("app", "address", "wisher", *address)
    assert told.code == 1
    assert "holder" in one_line(told)


@pytest.mark.parametrize(
    "arguments",
    [
        ("build", "show", "77"),
        ("build", "publish", "77"),
        ("excuse", "77"),
        ("app", "show", "nobody"),
        ("session", "show", "nothing"),
        ("rehearsal", "show", "nothing"),
        ("twin", "nobody", "--address", "+1555003"),
        ("key", "revoke", "77"),
    ],
)
def test_what_does_not_exist_cannot_be_told(twinline: Twinline, arguments: tuple[str, ...]) -> None:
    told = twinline(*arguments)
    assert told.code == 2
    one_line(told)


def test_a_manifest_with_an_unknown_component_names_its_line(twinline: Twinline, tmp_path: Path) -> None:
    manifest = tmp_path / "build.toml"
    manifest.write_text('[python]\nversion = "3.11"\n\n[perl]\nversion = "5"\n')
    told = twinline("build", "create", manifest)
    assert told.code == 1
    assert "perl" in told.err
    assert "4" in told.err
    assert msgspec.json.decode(twinline("build", "list", "--json").out, type=list[Build]) == []


def test_a_revoked_key_is_refused(twinline: Twinline) -> None:
    key = msgspec.json.decode(twinline("key", "create", "ada", "--json").out, type=Key)
    assert twinline("--api-key", key.secret, "status").code == 0
    assert twinline("key", "revoke", str(key.id)).code == 0
    told = twinline("--api-key", key.secret, "status")
    assert told.code != 0
    one_line(told)


def test_secrets_of_keys_are_shown_once(twinline: Twinline) -> None:
    secret = msgspec.json.decode(twinline("key", "create", "grace", "--json").out, type=Key).secret
    assert secret
    assert secret not in twinline("key", "list", "--json").out


def test_a_second_platform_on_the_same_data_is_refused(data: Path) -> None:
    told = run("up", "--data", data, "--port", "0", "--api-port", "0", "--sandbox", "none")
    assert told.code == 1
    assert "another platform runs on this data folder" in told.err
