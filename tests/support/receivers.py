"""Small real servers on loopback: one that answers as a script says, and a mail server."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    """What is sent back. `cut` ends the connection: before the status, or after so many bytes of the body."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    forever: bool = False


Script = Callable[[Asked], Answer]


@dataclass
class Receiver:
    """A server and what it was asked."""

    url: str
    port: int
    asked: list[Asked]
    answers: list[Answer]
    answer: Script | None = None

    def next(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if self.answer is not None:
            return self.answer(asked)
        return self.answers.pop(0) if self.answers else Answer()


@contextmanager
def receiving(tls: ssl.SSLContext | None = None, host: str = "localhost") -> Iterator[Receiver]:
    receiver = Receiver("", 0, [], [])

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            found = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            answer = receiver.next(found)
            if answer.cut == 0:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if not answer.forever:
                self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: answer.cut])
            while answer.forever:
                self.wfile.write(b"x" * 65_536)
            self.close_connection = True

        do_POST = do_GET = do_PATCH = do_PUT = do_DELETE = handle_any

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    receiver.url = f"{'https' if tls else 'http'}://{host}:{receiver.port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Postbox:
    """A mail server's post, and what it says to recipients and emails by address."""

    port: int = 0
    post: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    says: dict[str, str] = field(default_factory=dict)
    after: dict[str, str | Callable[[Any], None]] = field(default_factory=dict)
    connections: int = 0
    password: str | None = None

    async def handle_CONNECT(self, *_: Any) -> str:
        return "220 ready"

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]) -> Any:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.says:
            return self.says[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.post.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        say = self.after.get(envelope.rcpt_tos[0], "250 taken")
        if callable(say):
            say(server)
            return "250 too late"
        return say


@contextmanager
def mail_server(
    password: str | None = None, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None
) -> Iterator[Postbox]:
    box = Postbox(password=password)

    def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == (password or "").encode(), handled=False)

    def make() -> SMTP:
        return SMTP(
            box,
            authenticator=login if password else None,
            auth_required=bool(password),
            tls_context=starttls,
            require_starttls=starttls is not None,
        )

    class _Controller(Controller):
        def factory(self) -> SMTP:
            return make()

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        box.port = free.getsockname()[1]
    controller = _Controller(box, hostname="127.0.0.1", port=box.port, ssl_context=tls)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@contextmanager
def resetting(said: bytes) -> Iterator[int]:
    """The port of a server that says something to one caller and resets the connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError), listener.accept()[0] as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            while b"{}" not in connection.recv(65_536):
                pass
            connection.sendall(said)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
        thread.join()


@contextmanager
def dripping(said: bytes, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a server that says something and then one byte at a time, for as long as anybody listens."""
    listener, over = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def serve() -> None:
        with suppress(OSError):
            plain, _ = listener.accept()
            connection = tls.wrap_socket(plain, server_side=True) if tls else plain
            with connection:
                connection.recv(65_536)
                connection.sendall(said)
                while not over.wait(0.1):
                    connection.sendall(b"x")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        listener.close()
        thread.join()
