"""The tables that are ours, spelled once for Python. SQL files spell them out, so that they read as SQL."""

from __future__ import annotations

PROJECTS = "live.projects"
WORKFLOWS = "live.workflows"
STEPS = "live.steps"
HOPS = "live.hops"
HOP_GUARDS = "live.hop_guards"
HOP_PATH = "live.hop_path"
CONTENTS = "live.contents"
CONTENT_VALUES = "live.content_values"
GOALS = "live.goals"
LIVE_ENTRY_VALUES = "live.entry_values"
ASSIGN_RULES = "live.assign_rules"
STEP_MOVES = "live.step_moves"
MERGES = "crm.merges"
COMMANDS = "journal.commands"
RESULTS = "inbox.results"
ASIDE = "inbox.aside"
SNAPSHOTS = "journal.snapshots"
SNAPSHOT_OBJECTS = "journal.snapshot_objects"
TRACKED_FIELDS = "journal.tracked_fields"
QUARANTINE = "journal.quarantine"
EVALUATIONS = "journal.evaluations"
WORKFLOW_COUNTS = "journal.workflow_counts"
WORKFLOW_MEMORY = "state.workflows"
EPISODES = "state.episodes"
OPEN_PARTICIPANTS = "state.open_participants"
CLOSED_PARTICIPANTS = "state.closed_participants"
TRANSITIONS = "state.transitions"
REFUSALS = "state.refusals"
ENTRY_VALUES = "state.entry_values"
OBSERVATIONS = "state.observations"
ASSIGNMENTS = "state.assignments"
ACTIONS = "outbox.actions"
WINDOWS = "live.windows"
BLACKOUTS = "live.blackouts"
WORKFLOW_CALENDARS = "live.workflow_calendars"
PHONE_ZONES = "state.phone_zones"
SUPPRESSIONS = "state.suppressions"
SHIFTS = "outbox.shifts"
RECORDS = "inputs.records"
INPUT_TOTALS = "inputs.totals"
BATCHES = "outbox.batches"
ATTEMPTS = "outbox.attempts"

ENTRY = "(entry)"
HOLDOUT = "(holdout)"
END = "(end)"
"""Places in a flow that are no steps of the author's."""


def record_table(object_: str) -> str:
    """The records of an object now.

    >>> record_table("account")
    'crm.account'
    """
    return f"crm.{object_}"


def changes_table(object_: str) -> str:
    """The records touched by the latest snapshot."""
    return f"crm.{object_}_changes"


def link_before(field: str) -> str:
    """The column of the table of changes that holds what a field that leads elsewhere was before."""
    return f"_old_{field}"


def history_table(object_: str) -> str:
    """Spells of an object's tracked fields."""
    return f"history.{object_}"


RESERVED = frozenset(
    [
        "all",
        "analyse",
        "analyze",
        "and",
        "anti",
        "any",
        "array",
        "as",
        "asc",
        "asof",
        "asymmetric",
        "at",
        "authorization",
        "binary",
        "both",
        "by",
        "case",
        "cast",
        "check",
        "collate",
        "collation",
        "column",
        "concurrently",
        "constraint",
        "create",
        "cross",
        "default",
        "deferrable",
        "desc",
        "describe",
        "distinct",
        "do",
        "else",
        "end",
        "except",
        "false",
        "fetch",
        "for",
        "foreign",
        "freeze",
        "from",
        "full",
        "glob",
        "group",
        "having",
        "ilike",
        "in",
        "initially",
        "inner",
        "intersect",
        "into",
        "is",
        "isnull",
        "join",
        "lambda",
        "lateral",
        "leading",
        "left",
        "like",
        "limit",
        "natural",
        "not",
        "notnull",
        "null",
        "offset",
        "on",
        "only",
        "or",
        "order",
        "outer",
        "overlaps",
        "pivot",
        "pivot_longer",
        "pivot_wider",
        "placing",
        "positional",
        "primary",
        "qualify",
        "references",
        "returning",
        "right",
        "select",
        "semi",
        "show",
        "similar",
        "some",
        "summarize",
        "symmetric",
        "table",
        "tablesample",
        "then",
        "to",
        "trailing",
        "true",
        "union",
        "unique",
        "unpack",
        "unpivot",
        "user",
        "using",
        "values",
        "variadic",
        "verbose",
        "when",
        "where",
        "window",
        "with",
    ]
)
"""Words that no engine reads as a column's name without quotes."""


def quoted(name: str) -> str:
    """A column's name as SQL: quoted where it is a word of SQL.

    >>> quoted("order"), quoted("seats")
    ('"order"', 'seats')
    """
    return f'"{name}"' if name in RESERVED else name
