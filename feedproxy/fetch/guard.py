"""Address guard: the hosts and IP addresses that are never connected to. Pure but for DNS look-ups.

Python's `ipaddress` knows IANA's registries of special-purpose addresses. The lists below have what
it does not refuse (Python 3.11).
"""

import ipaddress
import re
import socket

import requests

# IPv6 networks whose addresses contain an IPv4 address, which a gateway may lead anywhere; and
# networks that are public in name only.
_HIDING = tuple(
    map(
        ipaddress.ip_network,
        (
            "::/96",  # IPv4-compatible (RFC 4291, 2.5.5.1)
            "::ffff:0:0/96",  # IPv4-mapped (RFC 4291, 2.5.5.2)
            "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765)
            "64:ff9b::/96",  # NAT64 (RFC 6052)
            "64:ff9b:1::/48",  # local NAT64 (RFC 8215)
            "2001::/32",  # Teredo (RFC 4380)
            "2002::/16",  # 6to4 (RFC 3056)
            "192.88.99.0/24",  # 6to4 relays (RFC 3068)
            "192.0.0.0/24",  # protocol assignments (RFC 6890); one is a cloud's metadata service
            "168.63.129.16/32",  # a cloud's metadata service at a public address
            "5f00::/16",  # segment routing (RFC 9602)
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)
# ISATAP has an IPv4 address in the interface identifier (RFC 5214, 6.1).
_ISATAP = re.compile(r"(?:0000|0200):5efe")
# A last label that makes resolvers read a host as a number (WHATWG URL, 3.5, "ends in a number").
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\.?", re.IGNORECASE)
# The most addresses of a host that are tried; each may take the time of a connection attempt.
_MOST_ADDRESSES = 4


class RefusedError(requests.exceptions.InvalidURL):
    """A URL or address that is not allowed; the message has the reason."""


def check_host(host: str) -> None:
    """Refuse a host unless it is a name, or a public IP address in its usual notation.

    Raises:
        RefusedError: the host is not allowed.

    """
    name = host.strip("[]")
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        if not _NAME.fullmatch(host):
            raise RefusedError(f"{host!r} is not a host name") from None
        if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
            raise RefusedError(f"{host!r} is an address in an unusual notation") from None
        return
    if not is_public(str(address)):
        raise RefusedError(f"{name} is not a public address")


def is_public(address: str) -> bool:
    """Return whether an IP address is public, and does not stand for another address."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if (
        not found.is_global
        or found.is_multicast
        or found.is_reserved
        or found.is_unspecified
        or "%" in address
    ):
        return False
    if isinstance(found, ipaddress.IPv6Address) and (
        found.is_site_local or _ISATAP.fullmatch(found.exploded[20:29])
    ):
        return False
    return not any(found in network for network in _HIDING if network.version == found.version)


def public_addresses(host: str) -> list[str]:
    """Return the public IP addresses of *host*, at most four.

    Raises:
        RefusedError: the host has no public address, or is an address in an odd notation.
        OSError: the name can't be resolved.

    """
    check_host(host)
    found = list(
        dict.fromkeys(
            str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        )
    )
    public = [address for address in found if is_public(address)]
    if not public:
        raise RefusedError(
            f"{host} is at {', '.join(found[:_MOST_ADDRESSES])}, which is not a public address"
        )
    return public[:_MOST_ADDRESSES]
