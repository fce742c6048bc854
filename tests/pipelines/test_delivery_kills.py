"""Deliveries that are killed for real, between any two of their steps. `python -m benchmarks.kills` does it more often."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.kills import RARE, kill_deliveries
from support.sender import POINTS


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_delivery_loses_nothing_and_sends_nothing_twice(tmp_path: Path, point: str) -> None:
    after = kill_deliveries(tmp_path, point, "never", kills=3, actions=700 if point in RARE else 60)
    assert after.kills >= 2
    assert (after.doubled, after.lost, after.sent_without_copy) == (0, 0, 0)
    assert after.uncertain <= after.most_uncertain


def test_a_sink_that_knows_keys_leaves_nothing_to_a_person(tmp_path: Path) -> None:
    after = kill_deliveries(tmp_path, "answered", "by_key", kills=3, actions=60)
    assert after.kills >= 2
    assert (after.lost, after.uncertain, after.sent_without_copy) == (0, 0, 0)
