-- [date_run_fact] Rows of run_fact that nothing has changed are about this evaluation now.
UPDATE report.run_fact SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_workflow_overview] Rows of workflow_overview that nothing has changed are about this evaluation now.
UPDATE report.workflow_overview SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_objective_daily] Rows of objective_daily that nothing has changed are about this evaluation now.
UPDATE report.objective_daily SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_step_funnel] Rows of step_funnel that nothing has changed are about this evaluation now.
UPDATE report.step_funnel SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_step_edge] Rows of step_edge that nothing has changed are about this evaluation now.
UPDATE report.step_edge SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_exit_reasons] Rows of exit_reasons that nothing has changed are about this evaluation now.
UPDATE report.exit_reasons SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_participant_timeline] Rows of participant_timeline that nothing has changed are about this evaluation now.
UPDATE report.participant_timeline SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_participant_breakdown] Rows of participant_breakdown that nothing has changed are about this evaluation now.
UPDATE report.participant_breakdown SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_post_exit_curve] Rows of post_exit_curve that nothing has changed are about this evaluation now.
UPDATE report.post_exit_curve SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_objective_impact] Rows of objective_impact that nothing has changed are about this evaluation now.
UPDATE report.objective_impact SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_action_log] Rows of action_log that nothing has changed are about this evaluation now.
UPDATE report.action_log SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_action_daily] Rows of action_daily that nothing has changed are about this evaluation now.
UPDATE report.action_daily SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_responded_by_step] Rows of responded_by_step that nothing has changed are about this evaluation now.
UPDATE report.responded_by_step SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_branch_outcome] Rows of branch_outcome that nothing has changed are about this evaluation now.
UPDATE report.branch_outcome SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_upcoming] Rows of upcoming that nothing has changed are about this evaluation now.
UPDATE report.upcoming SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_waiting] Rows of waiting that nothing has changed are about this evaluation now.
UPDATE report.waiting SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_failed] Rows of failed that nothing has changed are about this evaluation now.
UPDATE report.failed SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_metric_value] Rows of metric_value that nothing has changed are about this evaluation now.
UPDATE report.metric_value SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_objective_survival] Rows of objective_survival that nothing has changed are about this evaluation now.
UPDATE report.objective_survival SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_objective_time] Rows of objective_time that nothing has changed are about this evaluation now.
UPDATE report.objective_time SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;

-- [date_objective_by_cohort] Rows of objective_by_cohort that nothing has changed are about this evaluation now.
UPDATE report.objective_by_cohort SET as_of = $as_of, evaluation_id = $evaluation_id WHERE evaluation_id <> $evaluation_id;
