"""Addresses of the web, read strictly: one spelling, no credentials inside, and no way to this machine or its neighbours.

Readers of URLs differ: `127.1`, `0x7f000001` and `[::ffff:127.0.0.1]` are this machine to some of them. What is not
plainly a name or an address is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from definitions.values import fault

Address = IPv4Address | IPv6Address

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
# the last part of a name is never a number: readers disagree about what such a name is
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
_TEXT = re.compile(r"[!#-\[\]_a-z~]*\Z", re.IGNORECASE)  # no spaces, control characters, quotes, backslashes, braces
# addresses that hold another address, which is where a packet to them ends
_INSIDE = tuple(ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96"))
_RELAY = ip_network("192.88.99.0/24")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Url:
    """One address of the web. `target` is what is asked of the host; `address` is set where the host is a number."""

    scheme: str
    host: str
    port: int
    target: str
    address: Address | None = None

    @property
    def origin(self) -> str:
        """Scheme and host: what may be shown of an address whose path is a secret.

        >>> read_url("https://example.com:8443/a/b?c").origin
        'https://example.com:8443'
        """
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """The host, and the port where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class WrongUrl(ValueError):
    """Why an address may not be used."""


def read_url(text: str) -> Url:
    """An https or http address; raises `WrongUrl`.

    >>> read_url("https://Example.com/a?b=1").target, read_url("https://example.com").target
    ('/a?b=1', '/')
    """
    if len(text) > 2_000 or not _TEXT.match(text):
        raise WrongUrl("it holds characters that no address holds")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise WrongUrl("it is not readable as an address") from error
    if parts.scheme not in _PORTS:
        raise WrongUrl("it begins with neither `https://` nor `http://`")
    if "@" in parts.netloc:
        raise WrongUrl("it holds a name or password")
    if parts.fragment or port == 0:
        raise WrongUrl("it holds a `#`, or no port that can be reached")
    host = (parts.hostname or "").removesuffix(".")
    address = _literal(host, bracketed="[" in parts.netloc)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Url(parts.scheme, host, port or _PORTS[parts.scheme], target, address)


def _literal(host: str, bracketed: bool) -> Address | None:
    try:
        found = ip_address(host)
    except ValueError:
        if bracketed or len(host) > 253 or not _HOST.match(host) or _NUMBER.match(host.rpartition(".")[2]):
            raise WrongUrl("its host is neither a name nor an address") from None
        return None
    if "%" in host:
        raise WrongUrl("its host is neither a name nor an address")
    return found


def is_public(address: Address) -> bool:
    """May a stranger name this address, with no harm to what stands beside us.

    >>> [is_public(ip_address(a)) for a in ("93.184.216.34", "127.0.0.1", "224.0.0.1", "2002:7f00:1::", "64:ff9b::1")]
    [True, False, False, False, False]
    """
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None or address.is_site_local or any(address in net for net in _INSIDE):
            return False
    elif address in _RELAY:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def refusal(url: Url, hosts: Collection[str], plain: bool) -> str | None:
    """Why an address may not be asked: its scheme, its host, or where its host plainly lies."""
    if url.host not in hosts:
        return f"`{url.host}` is not in `allow_hosts`"
    if url.scheme != "https" and not plain:
        return "only `https` may be used: anybody on the way reads and changes `http`"
    if url.address is not None and not is_public(url.address) and not url.address.is_loopback:
        return f"`{url.host}` is not a public address"
    return None


def _step_url(value: str) -> str:
    """A url in a workflow. One with a template is looked at when it is filled, as all are before anything is sent."""
    if "{{" in value or "{%" in value:
        return value
    try:
        url = read_url(value)
    except WrongUrl as error:
        raise fault("url", f"`{value}` is not a url that may be used: {error}") from error
    if url.address is not None and not is_public(url.address) and not url.address.is_loopback:
        raise fault("url", f"`{value}` may not be used: `{url.host}` is not a public address")
    return value


StepUrl = Annotated[str, AfterValidator(_step_url)]
