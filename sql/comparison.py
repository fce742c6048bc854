"""Two warehouses compared row by row: every table that an evaluation, a snapshot or an apply writes, and its key.

Left out are what a clock wrote, kept records, whose seals and chain are proved first, the tables of reports, which are made
anew from these, how far files were read and what was put aside of them, and the list of migrations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sql import names
from sql.names import quoted

FOUND = "found"
"""The name under which the warehouse that is looked at is attached."""

KEYS: dict[str, tuple[str, ...]] = {
    names.PROJECTS: ("project_id",),
    names.WORKFLOWS: ("workflow", "version"),
    names.STEPS: ("workflow", "version", "step_id"),
    names.HOPS: ("hop_id",),
    names.HOP_GUARDS: ("hop_id", "condition", "split_step"),
    names.HOP_PATH: ("hop_id", "position"),
    names.CONTENTS: ("content_id",),
    names.CONTENT_VALUES: ("content_id", "name"),
    names.GOALS: ("workflow", "version", "position"),
    names.LIVE_ENTRY_VALUES: ("workflow", "version", "value"),
    names.ASSIGN_RULES: ("workflow", "version", "step_id", "position"),
    names.STEP_MOVES: ("workflow", "version", "from_step"),
    names.WINDOWS: ("schedule_id", "weekday", "from_minute"),
    names.BLACKOUTS: ("calendar", "first_date", "name"),
    names.WORKFLOW_CALENDARS: ("workflow", "calendar"),
    names.SNAPSHOTS: ("snapshot_id",),
    names.SNAPSHOT_OBJECTS: ("snapshot_id", "object"),
    names.TRACKED_FIELDS: ("object", "field"),
    names.EVALUATIONS: ("evaluation_id",),
    names.WORKFLOW_COUNTS: ("evaluation_id", "workflow"),
    names.COMMANDS: ("command_id",),
    names.INPUT_TOTALS: ("evaluation_id", "source"),
    names.MERGES: ("object", "loser"),
    names.WORKFLOW_MEMORY: ("workflow",),
    names.EPISODES: ("subject", "object", "record", "occasion", "matched_from"),
    names.OPEN_PARTICIPANTS: ("participant_id",),
    names.CLOSED_PARTICIPANTS: ("participant_id",),
    names.TRANSITIONS: ("participant_id", "evaluation_id", "sequence", "kind"),
    names.REFUSALS: ("workflow", "record", "occasion", "reason", "refused_from"),
    names.OBSERVATIONS: ("participant_id", "observed_at"),
    names.ENTRY_VALUES: ("participant_id", "value"),
    names.ASSIGNMENTS: ("action_id",),
    names.PHONE_ZONES: ("number",),
    names.SUPPRESSIONS: ("object", "recipient", "since"),
    names.ACTIONS: ("action_id",),
    names.BATCHES: ("batch_id",),
    names.ATTEMPTS: ("action_id", "attempt"),
    names.SHIFTS: ("action_id", "evaluation_id"),
    names.RESULTS: ("action_id", "result", "happened_at", "source", "event_id"),
}
"""Each table's key. The tables of objects, `crm.<object>` and so on, come on top: their first column is the key."""

LEFT_OUT = {
    names.EVALUATIONS: ("seconds", "chain_hash"),
    names.SNAPSHOT_OBJECTS: ("row_count", "is_partial"),
}
"""What a clock wrote, the hash that is compared evaluation by evaluation, and how much was read to find what changed."""


@dataclass(frozen=True)
class Compared:
    """A table to compare: its key and its columns, and whether its rows belong to one evaluation each."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def is_journal(self) -> bool:
        """Rows are numbered by the evaluation that wrote them, and stay as they are."""
        return self.name in (
            names.EVALUATIONS,
            names.WORKFLOW_COUNTS,
            names.TRANSITIONS,
            names.SHIFTS,
            names.INPUT_TOTALS,
        )

    def difference(self, *, missing: bool, limit: int) -> str:
        """A query: rows that only one of the two has, by key; those that are missing in the one found, or too many there.

        `first` and `last` are the evaluations whose rows are compared where rows belong to one. `row_count` is how many
        rows differ in all.
        """
        columns = ", ".join(quoted(c) for c in self.columns)
        where = " WHERE evaluation_id BETWEEN $first AND $last" if self.is_journal else ""
        here, there = f"SELECT {columns} FROM {self.name}{where}", f"SELECT {columns} FROM {FOUND}.{self.name}{where}"
        one, other = (here, there) if missing else (there, here)
        order = ", ".join(quoted(c) for c in self.key)
        return (
            f"SELECT *, COUNT(*) OVER () AS row_count FROM ({one}\nEXCEPT ALL\n{other})\nORDER BY {order} LIMIT {limit}"
        )


def compared_tables(tables: Mapping[str, Mapping[str, str]]) -> list[Compared]:
    """The tables to compare, those of the journal first; `tables` are columns by table of the warehouse made again."""
    made: list[Compared] = []
    for name in (*KEYS, *(t for t in tables if t.split(".")[0] in ("crm", "history") and t not in KEYS)):
        columns = tuple(c for c in tables[name] if c not in LEFT_OUT.get(name, ()))
        spell = ("valid_from",) if name.startswith("history.") else ()
        made.append(Compared(name, KEYS.get(name, (columns[0], *spell)), columns))
    return sorted(made, key=lambda t: t.name != names.EVALUATIONS)
