"""A REST API on loopback that pages, tells to slow down and fails, and the dlt source that reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 2


def tables(base_url: str, token: str = "", since: str | None = None) -> Any:
    """What `source` in project.yaml names."""
    from dlt.sources.rest_api import rest_api_source

    paginator = {"type": "json_link", "next_url_path": "next"}
    tickets = {"path": "tickets", "params": {"since": since} if since else {}, "data_selector": "items"}
    return rest_api_source(
        {
            "client": {"base_url": base_url, "auth": {"type": "bearer", "token": token}, "paginator": paginator},
            "resources": [{"name": "tickets", "endpoint": tickets}],
        }
    )


def one_resource(rows: int) -> Any:
    """A single resource of rows with values of all kinds."""
    import dlt

    def made() -> Iterator[dict[str, Any]]:
        for n in range(rows):
            yield {"ticketId": n, "owner": {"id": f"u{n}"}, "tags": ["a", "b, c"], "isOpen": True, "hours": n + 0.5}

    return dlt.resource(made, name="tickets")


@dataclass
class Api:
    """The server: its rows, what it was asked, and the answers it gives before it works."""

    rows: list[dict[str, Any]]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    always: int | None = None


@contextmanager
def serve(api: Api) -> Iterator[Api]:
    """Serve until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, api)

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(request: BaseHTTPRequestHandler, api: Api) -> None:
    api.asked.append(request.path)
    api.tokens.add(request.headers.get("Authorization", ""))
    status, headers = api.answers.pop(0) if api.answers else (api.always or 200, {})
    asked = parse_qs(urlsplit(request.path).query)
    rows = [row for row in api.rows if row["moved"] >= asked.get("since", [""])[0]]
    page = int(asked.get("page", ["0"])[0])
    more = f"{api.url}/tickets?page={page + 1}" if (page + 1) * PAGE < len(rows) else None
    body = {"items": rows[page * PAGE : (page + 1) * PAGE], "next": more} if status == 200 else {}
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    request.send_header("Content-Type", "application/json")
    request.end_headers()
    request.wfile.write(json.dumps(body).encode())
