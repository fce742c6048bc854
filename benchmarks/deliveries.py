"""Deliveries to a local webhook receiver: the real sink, signing on, the receiver in a process of its own.

    python -m benchmarks.deliveries --actions 100000

One evaluation plans the actions, and one run of the dispatcher delivers them, in a process of its own, so that its peak
memory is its own. The receiver checks every signature and counts ids. A phase ends at a point that the dispatcher names;
what the threads of the sink use counts for the phase in which they used it.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import multiprocessing
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.meter import cpu_seconds, machine, peak_mb
from connectors import open_sink
from definitions import load_project
from pipelines.delivery import deliver
from pipelines.lease import lease
from pipelines.live import live_project
from pipelines.worlds import World
from sql import DuckDBSession

KEY = base64.b64encode(b"k" * 32).decode()
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
PHASES = {
    "claimed": "recover, find, claim",
    "attempt journalled": "journal results and tries",
    "reply read": "hand over and wait",
    "result journalled": "journal results and tries",
    "before the note": "render, verdicts",
    "noted": "note in the warehouse",
}
FILES = {
    "project.yaml": """
name: deliveries
sources: {crm: {kind: files, path: data}}
sinks: {hooks: {kind: webhook, allow_hosts: [localhost], allow_http: true, secrets: [env:KEY], at_once: AT_ONCE}}
routes: {webhook: hooks}
""",
    "catalog/account.yaml": "object: account\ntable: crm.accounts\nkey: id\nfields: {id: text, name: text, arr: number}\n",
    "workflows/tell.yaml": """
object: account
state: enabled
launch: everyone
entry: {when: name is not null}
steps:
  - {id: tell, webhook: {url: "http://localhost:PORT/in", body: {title: "Look at {{ account.name }}", arr: {expression: arr}, team: success}}}
  - {id: rest, wait: 90 days}
""",
}
Spawn = multiprocessing.get_context("spawn")


def main(
    actions: Annotated[int, typer.Option(help="How many are delivered.")] = 100_000,
    at_once: Annotated[int, typer.Option(help="Requests on their way at a time.")] = 4,
) -> None:
    """Print the rate, the peak memory, and what each phase took."""
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Path(folder) / "w.duckdb"
        ours, theirs = Spawn.Pipe()
        receiver = Spawn.Process(target=_receive, args=(theirs,), daemon=True)
        receiver.start()
        port = ours.recv()
        _in_a_process(_plan, warehouse, port, actions, at_once)
        found = _in_a_process(_deliver, warehouse)
        ours.send("how many")
        taken, twice, unsigned = ours.recv()
        receiver.join()
    print(f"{actions:,} actions, {at_once} at once; {machine()}")
    print(f"{found['sent']:,} sent, {taken:,} taken, {twice:,} of them twice, {unsigned:,} with a wrong signature")
    print(f"{found['sent'] / found['wall']:,.0f} a second, peak {found['peak']:,.0f} MB")
    print(f"{'phase':32} {'wall s':>8} {'CPU s':>8}")
    for name, (wall, cpu) in found["phases"].items():
        print(f"{name:32} {wall:8.1f} {cpu:8.1f}")
    print(f"{'all':32} {found['wall']:8.1f} {found['cpu']:8.1f}")


def _in_a_process(work: Any, *asked: Any) -> Any:
    """What some work returns that is done in a process of its own."""
    ours, theirs = Spawn.Pipe()
    process = Spawn.Process(target=_answer, args=(theirs, work, asked))
    process.start()
    theirs.close()
    found = ours.recv()
    process.join()
    return found


def _answer(asker: Connection, work: Any, asked: tuple[Any, ...]) -> None:
    asker.send(work(*asked))


def _plan(warehouse: Path, port: int, actions: int, at_once: int) -> None:
    files = {name: text.replace("PORT", str(port)).replace("AT_ONCE", str(at_once)) for name, text in FILES.items()}
    with DuckDBSession(warehouse) as session:
        session.migrate()
        world = World(load_project(files), session)
        world.apply()
        world.set({"account": {f"x{n:06}": {"name": f"Company {n}", "arr": n} for n in range(actions)}})
        world.evaluate(START)


def _deliver(warehouse: Path) -> dict[str, Any]:
    """Deliver all that is due; a phase is what lies before a point of the dispatcher."""
    phases = dict.fromkeys(PHASES.values(), (0.0, 0.0))
    began = last = (time.perf_counter(), cpu_seconds())

    def point(name: str) -> None:
        nonlocal last
        now, phase = (time.perf_counter(), cpu_seconds()), PHASES[name]
        phases[phase] = (phases[phase][0] + now[0] - last[0], phases[phase][1] + now[1] - last[1])
        last = now

    with lease(warehouse, "benchmark"), DuckDBSession(warehouse) as session:
        _, project = live_project(session)
        sinks = {n: open_sink(spec, Path(), {"KEY": KEY}) for n, spec in project.settings.sinks.items()}
        made = deliver(session, project, sinks, START + timedelta(minutes=1), crash_point=point)
    return {
        "sent": sum(one.action_count for one in made),
        "wall": time.perf_counter() - began[0],
        "cpu": cpu_seconds() - began[1],
        "peak": peak_mb(),
        "phases": phases,
    }


def _receive(asker: Connection) -> None:
    asyncio.run(_serve(asker))


async def _serve(asker: Connection) -> None:
    """Answer 204 to every request that is signed, until somebody asks how many there were."""
    taken, unsigned = Counter[str](), 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal unsigned
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        body = await reader.readexactly(int(headers["content-length"]))
        said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        wanted = base64.b64encode(hmac.digest(base64.b64decode(KEY), said, "sha256")).decode()
        fits = hmac.compare_digest(headers["webhook-signature"], f"v1,{wanted}")
        taken[headers["webhook-id"]] += 1
        unsigned += not fits
        writer.write(b"HTTP/1.1 204 \r\nConnection: close\r\n\r\n" if fits else b"HTTP/1.1 401 \r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=512)
    asker.send(server.sockets[0].getsockname()[1])
    await asyncio.to_thread(asker.recv)
    asker.send((len(taken), sum(count > 1 for count in taken.values()), unsigned))


if __name__ == "__main__":
    typer.run(main)
