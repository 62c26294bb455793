"""Who really calls where proxies stand before the service: what they forward is believed of stated proxies only."""

import ipaddress
from collections.abc import Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse_networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks, parted by commas, such as `10.0.0.5, 192.168.1.0/24`. Raises ValueError."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def is_proxy(address: str, proxies: Sequence[Network]) -> bool:
    """Whether this is the address of a stated proxy."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in proxies)


def client_of(peer: str, forwarded_for: str, proxies: Sequence[Network]) -> str:
    """The address of the client: the nearest one that is no stated proxy.

    `peer` is who is connected; `forwarded_for` what X-Forwarded-For says, to which each proxy appends whom it serves.
    It is read from its end, and no further than stated proxies vouch for it: what a client writes itself is before.
    """
    client = peer
    for told in reversed(forwarded_for.split(",")):
        parsed = _parsed(told)
        if parsed is None or not is_proxy(client, proxies):
            break
        client = str(parsed)
    return client


def _parsed(text: str) -> Address | None:
    """The address, with or without a port; a mapped one as the IPv4 address that it stands for. None: it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
