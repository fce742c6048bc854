"""One request and its reply, over a connection to an address that was looked at.

A name is resolved once, every address it has is checked, and the connection goes to one of these very addresses: a name
that leads elsewhere the second time leads nowhere. Redirects and proxies do not exist here. What failed before a byte of
the request left is told apart from what failed after.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse
from ipaddress import ip_address
from pathlib import Path

from definitions import EnvironmentFault
from definitions.urls import Address, Url, is_public, refusal

MAX_REPLY = 64 * 1024
CONNECT_SECONDS = 10.0
_FAILURES = (OSError, HTTPException)


class Refused(Exception):
    """The address may not be asked."""


class NotSent(Exception):
    """Nothing was sent."""


class Lost(Exception):
    """Something was sent and no whole reply came."""


@dataclass(frozen=True)
class Reply:
    """A reply: its first bytes, and whether they are all."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True


def resolve(host: str, port: int) -> tuple[str, ...]:
    """The addresses of a name, as the machine knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def trust(ca: Path | None) -> ssl.SSLContext:
    """The certificates of the machine, and those of a file besides them."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca is not None:
        try:
            context.load_verify_locations(cafile=str(ca))
        except (OSError, ssl.SSLError) as error:
            raise EnvironmentFault("no-certificates", f"`{ca}` holds no certificates") from error
    return context


@dataclass(frozen=True)
class Door:
    """Which addresses may be asked, and for how long. A host of this machine must be listed as it is written."""

    hosts: frozenset[str]
    plain: bool = False
    seconds: float = 20.0
    most: int = MAX_REPLY
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False, compare=False)
    resolve: Callable[[str, int], tuple[str, ...]] = field(default=resolve, repr=False, compare=False)

    def ask(self, method: str, url: Url, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send one request. Raises `Refused`, `NotSent` or `Lost`."""
        sock = self._connect(url)
        connection = HTTPConnection(url.host, url.port)
        connection.response_class = _Answer
        connection.auto_open = 0
        connection.sock = sock
        deadline = threading.Timer(self.seconds, _hang_up, (sock,))
        deadline.daemon = True
        deadline.start()
        try:
            connection.request(method, url.target, body, {"Host": url.authority, **_OURS, **headers})
            return _read(connection.getresponse(), self.most)
        except _FAILURES as error:
            raise Lost(f"no reply from {url.origin}: {_what(error)}") from error
        except ValueError:  # raised before anything is sent, and its words are the header's
            raise NotSent("a header holds what no header may hold") from None
        finally:
            deadline.cancel()
            connection.close()
            sock.close()

    def addresses(self, url: Url) -> tuple[Address, ...]:
        """The checked addresses of a url; one that may not be asked is enough to refuse them all."""
        why = refusal(url, self.hosts, self.plain)
        if why is not None:
            raise Refused(why)
        try:
            found = (url.address,) if url.address else tuple(map(ip_address, self.resolve(url.host, url.port)))
        except (OSError, ValueError) as error:
            raise NotSent(f"`{url.host}` has no address") from error
        if not found:
            raise NotSent(f"`{url.host}` has no address")
        here = url.host == "localhost" or url.address is not None
        if not all(is_public(address) or (here and address.is_loopback) for address in found):
            raise Refused(f"`{url.host}` leads to an address that is not public")
        return found

    def _connect(self, url: Url) -> socket.socket:
        failure: Exception | None = None
        for address in self.addresses(url):
            try:
                return self._connection(url, str(address))
            except OSError as error:
                failure = error
        raise NotSent(f"no connection to {url.origin}: {_what(failure)}") from failure

    def _connection(self, url: Url, address: str) -> socket.socket:
        sock = socket.create_connection((address, url.port), min(CONNECT_SECONDS, self.seconds))
        try:
            if url.scheme == "https":
                sock = self.tls.wrap_socket(sock, server_hostname=url.host)
            sock.settimeout(self.seconds)
        except BaseException:
            sock.close()
            raise
        return sock


_OURS = {"User-Agent": "drumbeat", "Accept-Encoding": "identity", "Connection": "close"}


class _Answer(HTTPResponse):
    """A reply whose headers break off, by a reset as by an end, is a reply without headers once its status is known."""

    def begin(self) -> None:
        try:
            super().begin()
        except OSError:
            if not str(self.status).isdigit():  # a word until it was read
                raise
            self.headers, self.chunked, self.will_close = HTTPMessage(), False, True
            self.length = 1  # there was more to come


def _read(response: HTTPResponse, most: int) -> Reply:
    """The status is what counts: a body that breaks off is a shorter body."""
    parts, whole = bytearray(), True
    try:
        while len(parts) < most and (part := response.read1(min(8192, most - len(parts)))):
            parts += part
        whole = len(parts) < most and not response.length
    except _FAILURES:
        whole = False
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status, headers, bytes(parts), whole)


def _hang_up(sock: socket.socket) -> None:
    """A server that sends one byte a minute would keep every timeout of a socket.

    TLS sockets have a `shutdown` of their own that takes away what the reading thread stands on: the plain one is meant.
    """
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _what(error: Exception | None) -> str:
    """What went wrong, in words without addresses."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "it took too long"
    return getattr(error, "strerror", None) or type(error).__name__
