"""Deliveries killed between any two of their steps, to a sink that cannot tell a second copy from the first.

PYTHONPATH=.:tests python -m benchmarks.kills --kills 40
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from support.kills import RARE, kill_deliveries
from support.sender import POINTS


def main() -> None:
    """One row a point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=40)
    asked = parser.parse_args()
    columns = ("killed when", "kills", "actions", "doubled", "lost", "uncertain")
    sys.stdout.write(f"| {' | '.join(columns)} |\n|---{'|---:' * 5}|\n")
    for point in POINTS:
        with tempfile.TemporaryDirectory() as folder:
            actions = asked.kills * 200 if point in RARE else asked.kills * 20
            found = kill_deliveries(Path(folder), point, "never", asked.kills, actions)
        row = (point, found.kills, found.actions, found.doubled, found.lost, found.uncertain)
        sys.stdout.write(f"| {' | '.join(str(cell) for cell in row)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
