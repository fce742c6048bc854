"""Killed at any moment, a run leaves the old or the new state, and going on ends where an undisturbed run ends."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from support.projects import SETTINGS, write_project

from pipelines.evaluation import broken_invariants
from pipelines.verification import verify
from sql import DuckDBSession

ROOT = Path(__file__).resolve().parents[2]
WORKER = ROOT / "tests" / "support" / "worker.py"
CYCLES = 40
KILLS = 20
DEFINITIONS = {
    "project.yaml": SETTINGS,
    "catalog/account.yaml": """
object: account
table: crm.accounts
key: account_id
exists_from: since
fields: {account_id: text, name: text, seats: integer, since: date, left_on: {type: date, known_from: left_on}}
relations: {events: {object: event, on: account_id}}
""",
    "catalog/event.yaml": """
object: event
table: crm.events
key: event_id
exists_from: happened_on
fields: {event_id: text, account_id: text, happened_on: date, amount: number}
""",
    "workflows/care.yaml": """
object: account
state: enabled
launch: everyone
entry:
  when: sum(events.amount) filter (where happened_on > today() - interval 5 days) > 10
reentry: {after: requalifying, wait: 3 days}
objective: {name: Busy, when: sum(events.amount) > 60, measure: sum(events.amount)}
exit: {when: left_on is not null}
holdout: 20%
steps:
  - id: hello
    task: {title: "Call {{ account.name }}", due: 2 days}
  - {id: rest, wait: 2 days}
  - id: way
    split: {a: 50%, b: 50%}
    arms:
      a: [{id: nudge, notify: {channel: team, text: "{{ account.name }}"}}]
  - {id: more, wait: {until: sum(events.amount) > 50, at_most: 4 days}}
  - {id: mark, update: {seats: {expression: seats + 1}}}
""",
}


def _project(folder: Path) -> Path:
    write_project(folder, DEFINITIONS)
    rng = random.Random(7)
    accounts = ["account_id,name,seats,since,left_on"]
    events = ["event_id,account_id,happened_on,amount"]
    for i in range(150):
        left = f"2026-02-{rng.randint(1, 28):02d}" if rng.random() < 0.2 else ""
        accounts.append(f"a{i},Company {i},{rng.randint(1, 50)},2026-01-{rng.randint(1, 20):02d},{left}")
        for j in range(8):
            day = rng.randint(1, 50)
            date = f"2026-01-{day:02d}" if day <= 31 else f"2026-02-{day - 31:02d}"
            events.append(f"e{i}-{j},a{i},{date},{rng.randint(1, 12)}")
    (folder / "data" / "accounts.csv").write_text("\n".join(accounts) + "\n")
    (folder / "data" / "events.csv").write_text("\n".join(events) + "\n")
    return folder


def _start(folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(WORKER), str(folder), str(CYCLES)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def _run_to_the_end(folder: Path) -> None:
    process = _start(folder)
    process.communicate(timeout=300)
    assert process.returncode == 0


def _kill_once(folder: Path, rng: random.Random) -> bool:
    """Start a worker and kill it a random moment after it began; False when it was done before."""
    process = _start(folder)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(rng.uniform(0.0, 0.5))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    return process.returncode == -signal.SIGKILL


def _state(folder: Path) -> dict[str, Any]:
    with DuckDBSession(folder / "warehouse.duckdb") as session:
        assert broken_invariants(session) == {}
        evaluations = session.rows("SELECT evaluation_id, as_of, chain_hash FROM journal.evaluations ORDER BY 1")
        actions = session.rows("SELECT action_id, status, values FROM outbox.actions ORDER BY 1")
        sent = session.rows("SELECT action_id, outcome, seen_by FROM outbox.attempts ORDER BY 1, attempt")
        participants = session.rows("SELECT * FROM state.participants ORDER BY participant_id")
        return {"evaluations": evaluations, "actions": actions, "sent": sent, "participants": participants}


def _assert_same(state: dict[str, Any], expected: dict[str, Any]) -> None:
    """Evaluations are those of the undisturbed run.

    A kill between a try and its answer makes a second try, which the chain knows of from the evaluation that sees it on.
    """
    seen, undisturbed = state["evaluations"], expected["evaluations"]
    interrupted = [a["seen_by"] for a in state["sent"] if a["outcome"] == "later"]
    until = min((at for at in interrupted if at is not None), default=len(seen) + 1) - 1
    assert seen[:until] == undisturbed[:until]
    assert [row["as_of"] for row in seen] == [row["as_of"] for row in undisturbed[: len(seen)]]


def test_killed_twenty_times_a_run_ends_where_an_undisturbed_one_ends(tmp_path: Path) -> None:
    calm, killed = _project(tmp_path / "calm"), _project(tmp_path / "killed")
    _run_to_the_end(calm)
    expected = _state(calm)
    rng = random.Random(11)
    kills = 0
    for _ in range(KILLS):
        kills += _kill_once(killed, rng)
        _assert_same(_state(killed), expected)
    _run_to_the_end(killed)
    assert kills >= KILLS // 2, "the worker was done too soon: give it more cycles"
    state = _state(killed)
    assert (state["actions"], state["participants"]) == (expected["actions"], expected["participants"])
    assert len(state["evaluations"]) == len(expected["evaluations"])
    assert [(a["action_id"], a["outcome"]) for a in state["sent"] if a["outcome"] != "later"] == [
        (a["action_id"], a["outcome"]) for a in expected["sent"]
    ]
    assert verify(killed / "warehouse.duckdb", threads=1).holds
    assert {p.name: p.read_bytes() for p in (killed / "out").glob("*.jsonl")} == {
        p.name: p.read_bytes() for p in (calm / "out").glob("*.jsonl")
    }
