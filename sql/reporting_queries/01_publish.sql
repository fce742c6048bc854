-- [run_fact] The runs, as published: the statement's name is the file's.
FROM report.run_fact ORDER BY workflow_id, run_id;

-- [workflow_overview] The headlines, as published.
FROM report.workflow_overview ORDER BY workflow_id;

-- [objective_daily] The daily series, as published.
FROM report.objective_daily ORDER BY workflow_id, objective_version, arm, date;

-- [step_funnel] The funnel, as published.
FROM report.step_funnel ORDER BY workflow_id, objective_version, step_id, cohort;

-- [step_edge] The edges, as published.
FROM report.step_edge ORDER BY workflow_id, objective_version, from_step_id, branch_label, to_step_id;

-- [exit_reasons] The exits, as published.
FROM report.exit_reasons ORDER BY workflow_id, objective_version, arm, reason_code, reason_name, step_id, entry_week;

-- [participant_timeline] The timelines, as published.
FROM report.participant_timeline ORDER BY workflow_id, run_id, seq;
