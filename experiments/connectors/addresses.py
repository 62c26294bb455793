"""Which addresses may be called from here: those of the public internet, however they are written.

A person who may name a target could otherwise have this process call what only it can reach: its own machine, the
network it lives in, the metadata service of its cloud. A host is judged as it is written (each of its numeric forms),
and every address that its name leads to is judged, with the IPv4 address that an IPv6 one may carry inside.
"""

import ipaddress
import socket

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_TEREDO = ipaddress.IPv6Network("2001::/32")
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
_RESERVED: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = [
    ipaddress.IPv4Network("168.63.129.16/32"),  # the platform of a public cloud, seen from its machines only
    ipaddress.IPv4Network("192.88.99.0/24"),  # relays of 6to4 (RFC 7526)
    ipaddress.IPv6Network("3fff::/20"),  # documentation (RFC 9637); older tables of Python lack it
]
_OWN_NAMES = (
    ".localhost",
    ".localdomain",
    ".local",
    ".internal",
    ".intranet",
    ".lan",
    ".home.arpa",
    ".corp",
    ".private",
)


def is_public(address: str) -> bool:
    """Whether a numeric address (with or without a zone) belongs to the public internet."""
    try:
        return _is_public(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return False


def is_private_host(host: str) -> bool:
    """Whether a host is private by the way it is written: a private address in any form, or a name of one's own net."""
    bare = host.strip("[]").rstrip(".").lower()
    numeric = _numeric(bare)
    if numeric is not None:
        return not is_public(numeric)
    return "." not in bare or f".{bare}".endswith(_OWN_NAMES)


def addresses_of(host: str, port: int) -> list[str]:
    """Every address of a host. Raises socket.gaierror where it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _numeric(host: str) -> str | None:
    """The address that a host is, in its usual form; None where it is a name.

    Resolvers take `127.1`, `2130706433`, `0x7f.1` and `0177.0.0.1` for addresses too.
    """
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeEncodeError):
        return None


def _is_public(address: _Address) -> bool:
    if any(address in network for network in _RESERVED if network.version == address.version):
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    carried = _carried(address)
    if not all(_is_public(each) for each in carried):
        return False
    if address.ipv4_mapped is not None or address in _NAT64:
        return True
    return address in _GLOBAL_UNICAST and (bool(carried) or address.is_global)


def _carried(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that packets to it may end at: translated (NAT64), mapped, or tunnelled."""
    last = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    found = [each for each in (address.ipv4_mapped, address.sixtofour) if each is not None]
    if address in _NAT64 or (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
        found.append(last)
    if address in _TEREDO and address.teredo is not None:
        found += address.teredo
    return found
