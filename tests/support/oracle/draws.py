"""Chance as a hash: the one thing that the oracle shares with the evaluator by its formula, see docs/language.md."""

from __future__ import annotations

import hashlib


def draw(*parts: str) -> float:
    """A stable draw from 0 to below 1: the first eight hexadecimal digits of the md5 of the parts joined by `|`.

    >>> draw("seed", "split", "p", "s") == draw("seed", "split", "p", "s")
    True
    """
    return int(hashlib.md5("|".join(parts).encode()).hexdigest()[:8], 16) / 2**32


def action_id(participant: str, step: str, restarts: int) -> str:
    """The id of an action, by which those of one evaluation are put in order; a restart plans anew."""
    return hashlib.md5(f"{participant}|{step}|{restarts + 1}".encode()).hexdigest()[:20]


def participant_id(seed: str, workflow: str, record: str, occasion: str, number: int) -> str:
    """The id of a passage, by which it is drawn: of the record's (and row's) so many-th entry into the workflow."""
    parts = [seed, workflow, record, *([occasion] if occasion else []), str(number)]
    return hashlib.md5("|".join(parts).encode()).hexdigest()[:20]
