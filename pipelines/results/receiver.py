"""The receiver: a small HTTP server that takes events and one-click unsubscribes (RFC 8058) into the inbox.

It knows no warehouse. It says 202 only after the events are on disk, and it believes nobody who does not sign. It speaks
no TLS: outside of one machine a proxy that does stands before it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Generator, Mapping
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from definitions import EnvironmentFault
from pipelines.results.desk import Answer, Asked, Desk, Keys
from pipelines.results.inbox import Inbox

__all__ = ["Keys", "Receiver", "listen"]

MOST_BYTES = 1024 * 1024
"""Of a body; providers send up to some hundred kilobytes."""
SECONDS = 10.0
"""In which a request must have come."""
AT_ONCE = 64
"""Requests that are answered at the same time."""


class Receiver(ThreadingHTTPServer):
    """The server, bound to its address."""

    daemon_threads = False  # what was begun is ended
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], desk: Desk, now: Callable[[], datetime]) -> None:
        self.desk, self.now = desk, now
        self._free = threading.BoundedSemaphore(AT_ONCE)
        super().__init__(address, _Handler)

    def until_ended(self) -> None:
        """Serve until the process is asked to end; requests that came are answered."""
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: ended.set())
        serving = threading.Thread(target=self.serve_forever)
        serving.start()
        ended.wait()
        self.shutdown()
        serving.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a request once there is room for it."""
        self._free.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer it in a thread of its own."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up is no news; nothing of a request is written anywhere."""


@contextlib.contextmanager
def listen(inbox: Path, keys: Keys, address: tuple[str, int], now: Callable[[], datetime]) -> Generator[Receiver]:
    """A receiver that is bound to its address; `serve_forever` or `until_ended` runs it."""
    try:
        server = Receiver(address, Desk(Inbox(inbox), keys), now)
    except OSError as error:
        message = f"`{address[0]}:{address[1]}` cannot be listened on: {error.strerror or error}"
        raise EnvironmentFault("no-port", message, "take another with `--port`") from error
    try:
        yield server
    finally:
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server_version = "drumbeat"
    sys_version = ""
    timeout = SECONDS

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        body = self._body()
        if isinstance(body, Answer):
            self._send(body)
        else:
            self._answer(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Paths hold secrets and tokens: they are not written down."""

    def _answer(self, body: bytes) -> None:
        server = cast(Receiver, self.server)
        headers: Mapping[str, str | None] = {name.lower(): value for name, value in self.headers.items()}
        self._send(server.desk.answer(Asked(self.command, self.path, headers, body), server.now()))

    def _body(self) -> bytes | Answer:
        written = self.headers.get("Content-Length") or ""
        if not written.isdecimal() or len(written) > 15 or self.headers.get("Transfer-Encoding"):
            return Answer.problem(411, "no-length", "a request says how long it is")
        length, found, end = int(written), bytearray(), time.monotonic() + SECONDS
        if length > MOST_BYTES:
            return Answer.problem(413, "too-large", f"a request has at most {MOST_BYTES} bytes")
        while len(found) < length:
            piece = self.rfile.read1(min(65_536, length - len(found)))
            if not piece or time.monotonic() > end:
                return Answer.problem(408, "incomplete", "the request ended early, or took too long")
            found += piece
        return bytes(found)

    def _send(self, answer: Answer) -> None:
        content = answer.text.encode()
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(content)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
