"""Applications over the API: made, deployed, addressed, twinned; what is wrong is said with its place."""

from itertools import count

import pytest
from tests.control.examples import a_bundle

from twinline.control.client import Client
from twinline.model.applications import BUNDLE_LIMIT, Carrier, Language
from twinline.model.builds import Cluster
from twinline.model.errors import Conflict, Mistake, NotFound, Refused

GENERIC = Carrier("generic", "http://127.0.0.1:9/replies", "s3cret")
SAY = a_bundle({"main.py": "say('hello')\n"})

_number = count(1)


@pytest.fixture
def name(client: Client) -> str:
    return client.create_application(f"shop-{next(_number)}", Cluster.PRODUCTION).name


def an_address() -> str:
    return f"+1555{next(_number):07}"


def test_an_application_is_made_and_listed(client: Client, name: str) -> None:
    assert client.application(name).live is None
    assert name in [it.name for it in client.applications()]


def test_a_name_is_taken_once(client: Client, name: str) -> None:
    with pytest.raises(Conflict, match="already"):
        client.create_application(name, Cluster.DEVELOPMENT)


@pytest.mark.parametrize("bad", ["", "Shop", "1shop", "shop.x", "shop-twin", "a" * 49, "shop\n", "../x"])
def test_what_cannot_be_a_name_is_refused(client: Client, bad: str) -> None:
    with pytest.raises(Mistake, match="cannot be the name"):
        client.create_application(bad, Cluster.PRODUCTION)


def test_an_unknown_application_is_not_found(client: Client) -> None:
    with pytest.raises(NotFound, match="nobody"):
        client.application("nobody")
    with pytest.raises(NotFound, match="nobody"):
        client.deploy("nobody", SAY, "main.py")
    with pytest.raises(NotFound, match="nobody"):
        client.add_address("nobody", an_address(), GENERIC)


def test_a_deployed_bundle_is_the_live_version_under_its_digest(client: Client, name: str) -> None:
    first = client.deploy(name, SAY, "main.py").live
    assert first is not None
    assert (first.entry, first.language) == ("main.py", Language.PYTHON)
    second = client.deploy(name, a_bundle({"main.py": "say('bye')\n"}), "main.py").live
    assert second is not None
    assert second.digest != first.digest
    assert client.deploy(name, SAY, "main.py").live == first


def test_a_python_syntax_error_is_named_with_file_and_line_and_changes_nothing(client: Client, name: str) -> None:
    live = client.deploy(name, SAY, "main.py").live
    broken = a_bundle({"main.py": "import helper\n", "lib/helper.py": "x = 1\n\ndef f(:\n    pass\n"})
    with pytest.raises(Mistake) as caught:
        client.deploy(name, broken, "main.py")
    assert caught.value.where == "lib/helper.py, line 3"
    assert client.application(name).live == live


@pytest.mark.parametrize(
    ("bundle", "entry", "complaint"),
    [
        (b"no archive", "main.py", "not a bundle"),
        (b"", "main.py", "not a bundle"),
        (SAY[:60], "main.py", "not a bundle"),
        (SAY, "other.py", "no such file"),
        (SAY, "main.rb", "no script of a known language"),
        (SAY, "../main.py", "no plain path"),
        (SAY, "/main.py", "no plain path"),
        (a_bundle({"../main.py": "x"}), "main.py", "leaves the bundle"),
        (a_bundle({"main.py": "\0"}), "main.py", "null bytes"),
    ],
)
def test_a_bundle_that_cannot_run_is_refused(
    client: Client, name: str, bundle: bytes, entry: str, complaint: str
) -> None:
    with pytest.raises(Mistake, match=complaint):
        client.deploy(name, bundle, entry)
    assert client.application(name).live is None


def test_a_bundle_over_the_limit_is_refused_with_413(client: Client, name: str) -> None:
    with pytest.raises(Refused, match="larger"):
        client.deploy(name, bytes(BUNDLE_LIMIT + 1), "main.py")


def test_an_address_reaches_one_application(client: Client, name: str) -> None:
    address = an_address()
    assert client.add_address(name, address, GENERIC).addresses == (address,)
    other = client.create_application(f"other-{next(_number)}", Cluster.PRODUCTION).name
    with pytest.raises(Conflict, match=f"belongs to the application {name}"):
        client.add_address(other, address, GENERIC)
    with pytest.raises(NotFound):
        client.remove_address(other, address)
    assert client.remove_address(name, address).addresses == ()
    assert client.add_address(other, address, GENERIC).addresses == (address,)


@pytest.mark.parametrize(
    ("address", "carrier", "place"),
    [
        ("", GENERIC, "address"),
        ("with blank", GENERIC, "address"),
        ("x" * 256, GENERIC, "address"),
        ("+15550", Carrier("pigeon", GENERIC.url, "s"), "carrier.kind"),
        ("+15550", Carrier("generic", "ftp://x/", "s"), "carrier.url"),
        ("+15550", Carrier("generic", "http://x:99999/", "s"), "carrier.url"),
        ("+15550", Carrier("generic", GENERIC.url, ""), "carrier.secret"),
    ],
)
def test_an_address_that_cannot_work_is_refused_with_its_field(
    client: Client, name: str, address: str, carrier: Carrier, place: str
) -> None:
    with pytest.raises(Mistake) as caught:
        client.add_address(name, address, carrier)
    assert caught.value.where.startswith(place)


def test_a_twin_has_the_same_code_in_development_mode(client: Client, name: str) -> None:
    client.add_address(name, an_address(), GENERIC)
    client.deploy(name, SAY, "main.py")
    address = an_address()
    twin = client.twin(name, address)
    assert (twin.name, twin.mode, twin.twin_of) == (f"{name}-twin", Cluster.DEVELOPMENT, name)
    assert twin.addresses == (address,)
    assert twin.live == client.application(name).live


def test_a_twin_made_again_has_the_newer_code(client: Client, name: str) -> None:
    client.deploy(name, SAY, "main.py")
    address = an_address()
    client.twin(name, address, GENERIC)
    client.deploy(name, a_bundle({"main.py": "say('newer')\n"}), "main.py")
    assert client.twin(name, address).live == client.application(name).live


def test_a_twin_needs_code_a_carrier_and_an_address_of_its_own(client: Client, name: str) -> None:
    address = an_address()
    with pytest.raises(Mistake, match="no code"):
        client.twin(name, address, GENERIC)
    client.deploy(name, SAY, "main.py")
    with pytest.raises(Mistake, match="no carrier"):
        client.twin(name, address)
    client.add_address(name, address, GENERIC)
    with pytest.raises(Conflict, match=name):
        client.twin(name, address)
    with pytest.raises(NotFound):
        client.application(f"{name}-twin")


def test_a_twin_has_no_twin(client: Client, name: str) -> None:
    client.deploy(name, SAY, "main.py")
    twin = client.twin(name, an_address(), GENERIC)
    with pytest.raises(Mistake, match="only a production application"):
        client.twin(twin.name, an_address(), GENERIC)


def test_an_unknown_session_is_not_found(client: Client) -> None:
    with pytest.raises(NotFound, match="s-unknown"):
        client.session("s-unknown")
    assert client.sessions(application="nobody") == []
