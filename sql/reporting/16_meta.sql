-- [clear_metric_dictionary] The dictionary is the program's own.
DELETE FROM report.metric_dictionary;

-- [fill_metric_dictionary] What each figure counts.
INSERT INTO report.metric_dictionary
SELECT col0, col1, col2, col3, col4, col5, col6, col7, 11
FROM (VALUES
    ('met_share', 'Objective met', 'share', 'run', 'first met inside the window: from the entry to 30 days after the exit', 'runs in treatment that entered at least the longest stay plus 30 days ago and had not met it at entry', 'COUNT(*) FILTER (WHERE met_in_window) / COUNT(*) FROM run_fact WHERE matured AND NOT met_at_entry', 'who is old enough to count depends on the entry alone; the interval heeds customers who came more than once'),
    ('met_customer_share', 'Customers who met it', 'share', 'customer', 'customers with a run that counts in met_share and met it', 'customers with a run that counts in met_share', 'COUNT(DISTINCT customer_id) FILTER (WHERE met_in_window) / COUNT(DISTINCT customer_id) FROM run_fact WHERE matured AND NOT met_at_entry', 'shown where customers came more than once'),
    ('met_so_far_share', 'Met so far', 'share', 'run', 'met to date', 'entered to date, not met at entry', 'COUNT(*) FILTER (WHERE met_in_window) / COUNT(*) FROM run_fact WHERE NOT met_at_entry', 'too low while many are young: small print, never a headline'),
    ('goal_met_close_share', 'Goal met, as Close counts it', 'share', 'run', 'ended because goal or objective was met', 'ended so, or by reaching the end', 'COUNT(*) FILTER (WHERE exit_reason = ''objective_met'') / COUNT(*) FROM run_fact WHERE exit_reason IN (''objective_met'', ''reached_end'')', 'paused runs, those in error and those that left otherwise are in neither; successes end early, so it begins too high'),
    ('still_met_share', 'Still met 30 days after the exit', 'share', 'run', 'the objective held 30 days after the exit', 'matured runs that met it', 'COUNT(*) FILTER (WHERE still_met_exit30) / COUNT(still_met_exit30) FROM run_fact WHERE matured AND met_in_window', ''),
    ('cif_7', 'Met within 7 days', 'share', 'run', 'cumulative incidence 7 days after entry', NULL, 'SELECT cif FROM objective_survival WHERE day_no = 7', 'Aalen-Johansen: uses all who entered; loss competes with the objective'),
    ('cif_14', 'Met within 14 days', 'share', 'run', 'cumulative incidence 14 days after entry', NULL, 'SELECT cif FROM objective_survival WHERE day_no = 14', 'see cif_7'),
    ('cif_30', 'Met within 30 days', 'share', 'run', 'cumulative incidence 30 days after entry', NULL, 'SELECT cif FROM objective_survival WHERE day_no = 30', 'see cif_7'),
    ('cif_60', 'Met within 60 days', 'share', 'run', 'cumulative incidence 60 days after entry', NULL, 'SELECT cif FROM objective_survival WHERE day_no = 60', 'see cif_7'),
    ('cif_90', 'Met within 90 days', 'share', 'run', 'cumulative incidence 90 days after entry', NULL, 'SELECT cif FROM objective_survival WHERE day_no = 90', 'see cif_7'),
    ('days_to_objective_p25', 'A quarter met it by day', 'days', 'run', 'first day on which a quarter had met it', NULL, 'SELECT MIN(day_no) FROM objective_survival WHERE cif >= 0.25', 'null: not reached'),
    ('days_to_objective_p50', 'Half met it by day', 'days', 'run', 'first day on which half had met it', NULL, 'SELECT MIN(day_no) FROM objective_survival WHERE cif >= 0.5', 'null: not reached'),
    ('days_to_objective_p75', 'Three quarters met it by day', 'days', 'run', 'first day on which three quarters had met it', NULL, 'SELECT MIN(day_no) FROM objective_survival WHERE cif >= 0.75', 'null: not reached'),
    ('avg_days_to_objective_close', 'Average days to goal, as Close counts it', 'days', 'run', 'days from entry to goal or objective', 'runs that met it', 'AVG(days from entered_at to the answer)', 'only those who met it: shorter than the typical time'),
    ('value_at_entry', 'Measure at entry', 'value', 'run', 'mean measure at entry', NULL, 'SELECT mean_from FROM objective_impact WHERE pair = ''entry_exit''', 'matured runs with a measure at both ends'),
    ('value_at_exit', 'Measure at exit', 'value', 'run', 'mean measure at the exit', NULL, 'SELECT mean_to FROM objective_impact WHERE pair = ''entry_exit''', 'the same runs as value_at_entry'),
    ('value_at_exit30', 'Measure 30 days after the exit', 'value', 'run', 'mean measure 30 days after the exit', NULL, 'SELECT mean_to FROM objective_impact WHERE pair = ''entry_exit30''', 'matured runs with a measure at both ends'),
    ('impact_entry_exit', 'Objective impact, entry to exit', 'share', 'run', 'mean at exit less mean at entry', 'mean at entry', 'SELECT change_share FROM objective_impact WHERE pair = ''entry_exit''', 'low starters rise by themselves: compare impact_entry_h with the hold-out'),
    ('impact_entry_exit30', 'Objective impact, entry to 30 days after the exit', 'share', 'run', 'mean 30 days after the exit less mean at entry', 'mean at entry', 'SELECT change_share FROM objective_impact WHERE pair = ''entry_exit30''', 'see impact_entry_exit'),
    ('impact_exit_exit30', 'Objective impact, exit to 30 days after it', 'share', 'run', 'mean 30 days after the exit less mean at exit', 'mean at exit', 'SELECT change_share FROM objective_impact WHERE pair = ''exit_exit30''', 'does it last'),
    ('impact_entry_h', 'Objective impact, entry to the horizon', 'share', 'run', 'mean at the horizon of the comparison less mean at entry', 'mean at entry', 'SELECT change_share FROM objective_impact WHERE pair = ''entry_h''', 'the one pair that the hold-out has too'),
    ('uplift_points', 'Better than the hold-out', 'points', 'customer', 'share met within the horizon in treatment less that in the hold-out, times 100', NULL, 'SELECT diff_points FROM uplift', 'first run of a customer, as drawn; read it with its interval and verdict'),
    ('branch_met_share', 'Objective met by those who took an arm', 'share', 'run', 'of them, met inside the window', 'matured runs that took the arm', 'SELECT met_share FROM branch_outcome', 'paths are chosen by behaviour: a difference is not an effect'),
    ('reach_share', 'Reached a step', 'share', 'run', 'of them, came to the step', 'runs with the step in their flow that entered at least the longest stay ago', 'SELECT reach_share FROM step_funnel', 'arms of a branch sum to the branch less those who left'),
    ('step_pass_share', 'Moved on from a step', 'share', 'run', 'moved on', 'moved on or left there', 'SELECT pass_share FROM step_funnel', 'those who wait are in neither'),
    ('responded_last_touch', 'Responded by step: last step before', 'share', 'run', 'met goal or objective after this action and before the next', 'runs whose action here was done', 'SELECT last_touch_share FROM responded_by_step', 'once a run; with the row before_any they sum to all who met it; describes, proves nothing'),
    ('responded_any_after', 'Responded by step: at any time after', 'share', 'run', 'met goal or objective after this action', 'runs whose action here was done', 'SELECT any_after_share FROM responded_by_step', 'a run counts at every step before; describes, proves nothing'),
    ('drop_share', 'Dropped out at a step', 'share', 'run', 'left there, other than by the objective or the end', 'runs that came to the step', 'exit_count of exit_reasons / reached_count of step_funnel', ''),
    ('exit_share', 'Exits by reason', 'share', 'run', 'exits with the reason', 'all exits', 'SELECT exit_share FROM exit_reasons', ''),
    ('breakdown', 'Where everybody is', 'count', 'run', 'runs in a class', NULL, 'SELECT run_count FROM participant_breakdown', 'classes exclude each other and sum to all who entered'),
    ('late', 'Late', 'count', 'run', 'rest two evaluations longer than the step allows', NULL, 'COUNT(*) FILTER (WHERE late) FROM run_fact', ''),
    ('stuck', 'Stuck', 'count', 'run', 'rest seven days longer than the step allows', NULL, 'COUNT(*) FILTER (WHERE stuck) FROM run_fact', '')
);
