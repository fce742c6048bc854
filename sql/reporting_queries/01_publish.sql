-- [run_fact] The runs, as published: the statement's name is the file's.
COPY (FROM report.run_fact ORDER BY workflow_id, run_id) TO $path (FORMAT parquet);

-- [workflow_overview] The headlines, as published.
COPY (FROM report.workflow_overview ORDER BY workflow_id) TO $path (FORMAT parquet);

-- [objective_daily] The daily series, as published.
COPY (FROM report.objective_daily ORDER BY workflow_id, objective_version, arm, date) TO $path (FORMAT parquet);

-- [step_funnel] The funnel, as published.
COPY (FROM report.step_funnel ORDER BY workflow_id, objective_version, step_id, cohort) TO $path (FORMAT parquet);

-- [step_edge] The edges, as published.
COPY (FROM report.step_edge ORDER BY workflow_id, objective_version, from_step_id, branch_label, to_step_id) TO $path (FORMAT parquet);

-- [exit_reasons] The exits, as published.
COPY (FROM report.exit_reasons ORDER BY workflow_id, objective_version, arm, reason_code, reason_name, step_id, entry_week) TO $path (FORMAT parquet);

-- [participant_timeline] The timelines, as published.
COPY (FROM report.participant_timeline ORDER BY workflow_id, run_id, seq) TO $path (FORMAT parquet);

-- [objective_survival] The curves of time to objective, as published.
COPY (FROM report.objective_survival ORDER BY workflow_id, objective_version, arm, cohort, day_no) TO $path (FORMAT parquet);

-- [objective_time] The curves in a few figures, as published.
COPY (FROM report.objective_time ORDER BY workflow_id, objective_version, arm, cohort) TO $path (FORMAT parquet);

-- [objective_by_cohort] The weeks of entry, as published.
COPY (FROM report.objective_by_cohort ORDER BY workflow_id, objective_version, arm, entry_week, day_no) TO $path (FORMAT parquet);

-- [uplift] The comparisons with the hold-out, as published.
COPY (FROM report.uplift ORDER BY workflow_id, objective_version, date) TO $path (FORMAT parquet);
