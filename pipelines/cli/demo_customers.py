"""The demo's customers: some of those who are invited to a training book one. Made up, so that one effect is there to find.

Nothing else in the demo's data answers to what the workflows do: it was written down before they ran.
"""

from __future__ import annotations

import csv
import random
from datetime import date, timedelta
from pathlib import Path

from sql import DuckDBSession

SEED = "drumbeat-demo"
ANSWER_SHARE = 0.35
"""Of those who are invited, so many book within `LATEST` days because of it."""
LATEST = 18
_FILE = "data/ravenstack/training_bookings.csv"


def answer_invitations(session: DuckDBSession, folder: Path) -> None:
    """Add the bookings of all who were invited so far to the demo's file; again it writes the same."""
    path = folder / _FILE
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["origin"] != "invitation"]
    columns = list(rows[0])
    for sent in session.ask("sent_actions", workflow="training_invitation", step="invite"):
        booked_on = _booked(sent["record"], sent["planned_on"])
        if booked_on is not None:
            key = sent["record"].removeprefix("A-")
            answer = (f"T-{key}-i", sent["record"], booked_on.isoformat(), "invitation")
            rows.append(dict(zip(columns, answer, strict=True)))
    unfinished = path.with_suffix(".csv.unfinished")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    unfinished.replace(path)


def _booked(record: str, invited_on: date) -> date | None:
    """The day on which an account answers its invitation; most never do."""
    draw = random.Random(f"{SEED}:training:{record}")
    days = draw.randint(1, LATEST)
    return invited_on + timedelta(days=days) if draw.random() < ANSWER_SHARE else None
