"""Where scripts may not go: the platform's own machine and network.

Comes in: a host as the script named it and the address that its name stands for. Goes out: why it is refused, or
nothing. The address that was judged is the one to connect to, so a name that changes in between gains nothing.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

NAT64 = IPv6Network("64:ff9b::/96")
"""Addresses that stand for IPv4 ones (RFC 6052)."""

THIS_NETWORK = IPv4Network("0.0.0.0/8")
"""Linux takes 0.0.0.0 for this machine, and RFC 1122 gives the whole range that meaning."""

Address = IPv4Address | IPv6Address


def refusal(address: str, *, private: bool) -> str:
    """What kind of forbidden address this is, as in "a loopback address"; empty when it may be reached.

    `private` lets private ranges through. Raises ValueError when `address` is no IP address.
    """
    meant = _embedded(ip_address(address.partition("%")[0]))
    kinds = (
        ("an unspecified", meant.is_unspecified or meant in THIS_NETWORK),
        ("a loopback", meant.is_loopback),
        ("a link-local", meant.is_link_local),
        ("a multicast", meant.is_multicast),
        ("a reserved", meant.is_reserved and not meant.is_global),
        ("a private", not meant.is_global and not private),
    )
    return next((f"{kind} address" for kind, holds in kinds if holds), "")


def _embedded(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that stands for it, or the address itself."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
