"""Deliveries killed between any two of their steps: to a sink that cannot tell a second copy from the first, and to one that can.

PYTHONPATH=.:tests python -m benchmarks.kills --kills 40
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from support.kills import kill_deliveries
from support.sender import POINTS

from pipelines.delivery.dispatcher import FOLD

SINKS = {"never": "none", "by_key": "by key"}
PER_KILL = {"before the note": FOLD, "noted": FOLD}
"""Actions for each kill: so many are delivered before a point is passed. At the others a few are."""
COLUMNS = ("deduplicates", "killed when", "kills", "actions", "doubled", "known again", "lost", "parked", "allowed")


def main() -> None:
    """One row a sink and point; stops with an error where the promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=40)
    asked = parser.parse_args()
    sys.stdout.write(f"| {' | '.join(COLUMNS)} |\n|---|---|{'---:|' * 7}\n")
    broken = False
    for dedupes, name in SINKS.items():
        for point in POINTS:
            with tempfile.TemporaryDirectory() as folder:
                actions = asked.kills * PER_KILL.get(point, 25)
                found = kill_deliveries(Path(folder), point, dedupes, asked.kills, actions)
            twice = (
                (found.doubled, 0) if dedupes == "never" else (0, found.doubled)
            )  # the other knows them by their key
            allowed = found.most_uncertain if dedupes == "never" else 0
            row = (name, point, found.kills, found.actions, *twice, found.lost, found.uncertain, allowed)
            sys.stdout.write(f"| {' | '.join(f'{cell:,}' if isinstance(cell, int) else cell for cell in row)} |\n")
            sys.stdout.flush()
            broken = broken or found.uncertain > allowed or any((twice[0], found.lost, found.sent_without_copy))
    sys.exit(broken)


if __name__ == "__main__":
    main()
