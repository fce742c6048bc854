"""The report tables that are handed out, and how: as Parquet, and as a DuckDB file of their own.

Whoever reads the warehouse keeps the evaluator from it, and the other way round; whoever reads a copy disturbs nobody. The
copy has its tables in its main schema: `FROM run_fact` works, and so does `FROM report.run_fact`, since the file is
named report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

COPY = "published"
"""The name under which the file is attached while it is written."""

ORDER: Mapping[str, str] = {
    "report_meta": "as_of",
    "metric_dictionary": "metric_id",
    "metric_value": "workflow_id, arm, metric_id",
    "workflow_dim": "workflow_id, version",
    "step_dim": "workflow_id, version, order_no",
    "run_fact": "workflow_id, run_id",
    "workflow_overview": "workflow_id",
    "objective_daily": "workflow_id, objective_version, arm, date",
    "objective_survival": "workflow_id, objective_version, arm, cohort, day_no",
    "objective_time": "workflow_id, objective_version, arm, cohort",
    "objective_by_cohort": "workflow_id, objective_version, arm, entry_week, segment, day_no",
    "uplift": "workflow_id, objective_version, date",
    "post_exit_curve": "workflow_id, objective_version, arm, anchor, day_no",
    "step_funnel": "workflow_id, objective_version, step_id, cohort",
    "step_edge": "workflow_id, objective_version, from_step_id, branch_label, to_step_id",
    "responded_by_step": "workflow_id, objective_version, step_id",
    "branch_outcome": "workflow_id, objective_version, branch_step_id, branch_label",
    "exit_reasons": "workflow_id, objective_version, arm, reason_code, reason_name, step_id, entry_week",
    "participant_breakdown": "workflow_id, objective_version, arm, date, state_class",
    "objective_impact": "workflow_id, objective_version, arm, pair",
    "participant_timeline": "workflow_id, run_id, seq",
    "action_log": "workflow_id, action_id",
    "action_daily": "workflow_id, date, step_id",
    "entry_preview": "workflow_id",
    "alert": "workflow_id, rule, first_seen_at",
    "objective_history": "workflow_id, objective_version, arm, metric_id, evaluation_id",
    "upcoming": "workflow_id, expected_at, run_id",
    "waiting": "workflow_id, action_id",
    "failed": "workflow_id, action_id",
}
"""Each published table's key, which is also the order of its rows: two copies of the same tables are the same."""


def parquet_copy(table: str) -> str:
    """Writes a table to the file `$path`.

    >>> parquet_copy("failed")
    'COPY (FROM report.failed ORDER BY workflow_id, action_id) TO $path (FORMAT parquet)'
    """
    return f"COPY (FROM report.{table} ORDER BY {ORDER[table]}) TO $path (FORMAT parquet)"


def table_copy(table: str, comments: Mapping[str | None, str]) -> Iterator[str]:
    """Makes a table of the attached copy, with its words: of the table under None, of each column under its name."""
    yield f"CREATE TABLE {COPY}.{table} AS FROM report.{table} ORDER BY {ORDER[table]}"
    for column, words in comments.items():
        what = f"TABLE {COPY}.{table}" if column is None else f"COLUMN {COPY}.{table}.{column}"
        quoted = words.replace("'", "''")
        yield f"COMMENT ON {what} IS '{quoted}'"
