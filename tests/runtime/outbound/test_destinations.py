"""Scripts reach the world, and never the platform's own machine or network."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinline.runtime.outbound.destinations import refusal


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_the_world_may_be_reached(address: str) -> None:
    assert refusal(address, private=False) == ""


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "a loopback address"),
        ("127.255.0.9", "a loopback address"),
        ("::1", "a loopback address"),
        ("::ffff:127.0.0.1", "a loopback address"),
        ("64:ff9b::7f00:1", "a loopback address"),
        ("2002:7f00:1::", "a loopback address"),
        ("169.254.169.254", "a link-local address"),
        ("fe80::1%eth0", "a link-local address"),
        ("0.0.0.0", "an unspecified address"),
        ("0.1.2.3", "an unspecified address"),
        ("::", "an unspecified address"),
        ("224.0.0.1", "a multicast address"),
        ("ff02::1", "a multicast address"),
        ("255.255.255.255", "a reserved address"),
        ("240.0.0.1", "a reserved address"),
    ],
)
@pytest.mark.parametrize("private", [True, False])
def test_never_reached(address: str, kind: str, private: bool) -> None:
    assert refusal(address, private=private) == kind


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"]
)
def test_private_ranges_are_reached_only_when_the_operator_says_so(address: str) -> None:
    assert refusal(address, private=False) == "a private address"
    assert refusal(address, private=True) == ""


@given(st.ip_addresses(v=4), st.booleans())
def test_an_ipv4_address_is_judged_the_same_in_every_guise(address: IPv4Address, private: bool) -> None:
    plain = refusal(str(address), private=private)
    for guise in (f"::ffff:{address}", str(IPv6Address((0x64FF9B << 96) | int(address)))):
        assert refusal(guise, private=private) == plain
