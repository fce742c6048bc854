-- The report: finished tables for people and their tools. Made anew from the state after an evaluation; nothing reads them back.
-- Words: run = participant, customer = record. A run keeps the versions of its entry; no share mixes two objective versions.
-- Rates are about the treatment arm and leave out runs whose objective was already met at entry; 0 / 0 is null.

-- z of a two-sided 95 % interval.
CREATE MACRO main.zz() AS 1.959963984540054;

-- Wilson's interval of x out of n: null without n, and never outside 0 to 1.
CREATE MACRO main.wilson_lo(x, n) AS CASE WHEN n > 0 THEN greatest(0.0,
    ((x + zz() * zz() / 2) - zz() * sqrt(x * (n - x) / n + zz() * zz() / 4)) / (n + zz() * zz())) END;

CREATE MACRO main.wilson_hi(x, n) AS CASE WHEN n > 0 THEN least(1.0,
    ((x + zz() * zz() / 2) + zz() * sqrt(x * (n - x) / n + zz() * zz() / 4)) / (n + zz() * zz())) END;

-- One row is one run: what every other report counts.
CREATE TABLE report.run_fact (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- its version at entry
    objective_version VARCHAR,              -- the objective at entry; null without one
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    run_id VARCHAR NOT NULL,                -- the participant
    object VARCHAR NOT NULL,                -- the customer's object
    customer_id VARCHAR NOT NULL,           -- the record
    arm VARCHAR NOT NULL,                   -- treatment or holdout
    entry_no INTEGER NOT NULL,              -- counts the customer's runs in this workflow from 1
    entry_mode VARCHAR NOT NULL,            -- rule or manual
    entered_at TIMESTAMPTZ NOT NULL,        -- when it entered, or would have entered if held out
    entered_date DATE NOT NULL,             -- its local date
    entry_week DATE NOT NULL,               -- the Monday of that week
    status VARCHAR NOT NULL,                -- active, paused, error, goal_met, completed or exited
    current_step_id VARCHAR,                -- the step it rests at; null once out, and for the hold-out
    step_entered_at TIMESTAMPTZ,            -- since when it rests there
    late BOOLEAN NOT NULL,                  -- rests there two evaluations longer than the step allows
    stuck BOOLEAN NOT NULL,                 -- rests there seven days longer than the step allows
    exited_at TIMESTAMPTZ,                  -- when it left or reached the end; null while inside. Hold-out: when its place in the flow was up
    exit_reason VARCHAR,                    -- objective_met, reached_end, exit_override, disabled, lost, error or manual
    exit_override_name VARCHAR,             -- the reason in the evaluator's or the author's own word
    last_step_id VARCHAR,                   -- the step it left from
    d_max_days INTEGER NOT NULL,            -- the longest possible stay, in whole days
    maturity_days INTEGER NOT NULL,         -- d_max_days plus the 30 days after an exit
    matures_at TIMESTAMPTZ NOT NULL,        -- entered_at plus maturity_days: depends on the entry alone
    matured BOOLEAN NOT NULL,               -- matures_at has come
    met_at_entry BOOLEAN NOT NULL,          -- the objective was met before anything happened: outside every rate
    first_met_at TIMESTAMPTZ,               -- first evaluation after entry that saw the objective met
    met_in_window BOOLEAN NOT NULL,         -- first met up to 30 days after the exit; hold-out: up to maturity_days after entry
    met_within_h BOOLEAN                    -- first met up to maturity_days after entry; null until matured
);

-- One row is one workflow: its headline. Rates and their counts are those of the current objective version.
CREATE TABLE report.workflow_overview (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- the version that newcomers enter
    objective_version VARCHAR,              -- its objective; null without one
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data: the last evaluation's instant
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    state VARCHAR NOT NULL,                 -- draft, enabled, paused or disabled
    objective_name VARCHAR,                 -- the objective, for people
    objective_text VARCHAR,                 -- the objective's condition as written
    d_max_days INTEGER NOT NULL,            -- the longest possible stay, in whole days
    maturity_days INTEGER NOT NULL,         -- d_max_days plus 30: how long ago a run must have entered to count in met_share
    entered_count BIGINT NOT NULL,          -- runs of all versions, held-out ones included
    holdout_count BIGINT NOT NULL,          -- of these, held out: watched and never acted on
    customer_count BIGINT NOT NULL,         -- customers behind these runs
    active_count BIGINT NOT NULL,           -- runs in treatment that are inside now
    exited_count BIGINT NOT NULL,           -- runs in treatment that are out, by whatever way
    completed_count BIGINT NOT NULL,        -- of these, reached the end of the flow
    error_count BIGINT NOT NULL,            -- of those inside, in error
    late_count BIGINT NOT NULL,             -- of those inside, late
    stuck_count BIGINT NOT NULL,            -- of those inside, stuck
    met_at_entry_count BIGINT NOT NULL,     -- treatment, current objective: already met at entry, outside the rates
    observed_count BIGINT NOT NULL,         -- treatment, current objective, not met at entry
    matured_count BIGINT NOT NULL,          -- of these, entered at least their maturity_days ago: the denominator of met_share
    matured_met_count BIGINT NOT NULL,      -- of these, first met inside the window: the numerator of met_share
    met_share DOUBLE,                       -- matured_met_count / matured_count
    met_lo DOUBLE,                          -- lower end of its 95 % interval (Wilson, by customers where they came more than once)
    met_hi DOUBLE,                          -- upper end
    matured_customer_count BIGINT NOT NULL, -- customers with a matured run
    matured_met_customer_count BIGINT NOT NULL, -- of these, with one that met inside the window
    met_customer_share DOUBLE,              -- matured_met_customer_count / matured_customer_count
    met_so_far_count BIGINT NOT NULL,       -- of observed_count, met to date; small print, never a headline
    met_so_far_share DOUBLE,                -- met_so_far_count / observed_count
    met_days_p50 DOUBLE,                    -- median days from entry of those who met; shorter than the typical time
    first_matures_at TIMESTAMPTZ,           -- when the first run of the current objective matures or matured
    h_days INTEGER NOT NULL,                -- horizon of the comparison with the hold-out, in days from entry
    n_treat BIGINT NOT NULL,                -- customers in treatment compared with the hold-out: see report.uplift; 0 without a hold-out
    x_treat BIGINT NOT NULL,                -- of these, met within the horizon
    n_hold BIGINT NOT NULL,                 -- customers held out that are compared
    x_hold BIGINT NOT NULL,                 -- of these, met within the horizon
    actions_planned_count BIGINT NOT NULL,  -- actions ever planned
    actions_sent_count BIGINT NOT NULL,     -- of these, sent
    actions_failed_count BIGINT NOT NULL,   -- of these, failed
    actions_failed_day_count BIGINT NOT NULL, -- of these, failed in the 24 hours before as_of
    actions_cancelled_count BIGINT NOT NULL, -- of these, cancelled because their run left
    actions_dropped_count BIGINT NOT NULL,  -- of these, dropped by delivery
    oldest_entered_at TIMESTAMPTZ,          -- the first entry
    newest_entered_at TIMESTAMPTZ,          -- the last entry
    usual_gap_days DOUBLE                   -- median days between two dates with an entry; null under five gaps
);

-- One row is one workflow, objective version, arm and local date since its first entry.
CREATE TABLE report.objective_daily (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- the latest version with this objective
    objective_version VARCHAR,              -- the objective; null without one
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    arm VARCHAR NOT NULL,                   -- treatment or holdout
    date DATE NOT NULL,                     -- the local date
    entered_count BIGINT NOT NULL,          -- runs that entered that day
    exited_count BIGINT NOT NULL,           -- runs that left or reached the end that day
    first_met_count BIGINT NOT NULL,        -- runs, not met at entry, that first met inside their window that day
    active_count BIGINT NOT NULL,           -- runs inside when the day ended
    met_active_count BIGINT NOT NULL,       -- of these, with the objective true when the day ended
    entered_cum BIGINT NOT NULL,            -- entered up to that day
    met_cum BIGINT NOT NULL,                -- first met up to that day
    matured_count BIGINT NOT NULL,          -- runs, not met at entry, that had matured when the day ended
    matured_met_count BIGINT NOT NULL,      -- of these, first met inside the window by then
    met_share DOUBLE,                       -- matured_met_count / matured_count
    met_lo DOUBLE,                          -- lower end of its 95 % interval (Wilson, runs taken as independent)
    met_hi DOUBLE,                          -- upper end
    actions_planned_count BIGINT NOT NULL,  -- actions planned that day
    actions_sent_count BIGINT NOT NULL,     -- actions sent that day
    actions_failed_count BIGINT NOT NULL    -- actions that failed that day
);

-- One row is one step under one objective version: runs in treatment that came, rest, went on and left.
CREATE TABLE report.step_funnel (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- the latest version with this objective and this step
    objective_version VARCHAR,              -- the objective; null without one
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    step_id VARCHAR NOT NULL,               -- the step
    cohort VARCHAR NOT NULL,                -- all, for now
    reached_count BIGINT NOT NULL,          -- runs that came to the step: completed + here + left
    completed_count BIGINT NOT NULL,        -- of these, moved on
    here_count BIGINT NOT NULL,             -- of these, resting here now
    left_count BIGINT NOT NULL,             -- of these, left the flow from here
    late_count BIGINT NOT NULL,             -- of those resting here, late
    error_count BIGINT NOT NULL,            -- of those resting here, in error
    eligible_count BIGINT NOT NULL,         -- runs with this step in their flow that entered at least the longest stay ago
    eligible_reached_count BIGINT NOT NULL, -- of these, came to the step
    reach_share DOUBLE,                     -- eligible_reached_count / eligible_count
    pass_share DOUBLE,                      -- completed_count / (completed_count + left_count); those resting are in neither
    median_stay_days INTEGER,               -- median days here of those who moved on or left; waits only
    p90_stay_days INTEGER                   -- nine in ten of them stayed no longer
);

-- One row is one way from a step to the next that runs in treatment took: edges out + left + here = reached.
CREATE TABLE report.step_edge (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- the latest version with this objective
    objective_version VARCHAR,              -- the objective; null without one
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    from_step_id VARCHAR NOT NULL,          -- the step they came from, or (entry)
    branch_label VARCHAR,                   -- the arm they took there, if it parts the flow
    to_step_id VARCHAR NOT NULL,            -- the step they went to, or (end)
    run_count BIGINT NOT NULL,              -- how many
    share_of_from DOUBLE                    -- run_count / all that went on from there
);

-- One row is one reason, step and week of entry of runs that are out.
CREATE TABLE report.exit_reasons (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- the latest version with this objective
    objective_version VARCHAR,              -- the objective; null without one
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    arm VARCHAR NOT NULL,                   -- treatment or holdout; a held-out run leaves its place by the same rules
    reason_code VARCHAR NOT NULL,           -- objective_met, reached_end, exit_override, disabled, lost, error or manual
    reason_name VARCHAR NOT NULL,           -- the reason in the evaluator's or the author's own word
    step_id VARCHAR NOT NULL,               -- the step they left from
    entry_week DATE NOT NULL,               -- Monday of the week they entered in
    exit_count BIGINT NOT NULL,             -- how many
    exit_share DOUBLE NOT NULL,             -- exit_count / all exits of this workflow, objective version and arm
    met_before_count BIGINT NOT NULL,       -- of these, not met at entry and first met up to the exit
    met_after_count BIGINT NOT NULL,        -- of these, first met in the 30 days after it
    median_days_in INTEGER                  -- median days from entry to exit
);

-- One row is one event of a run, in words: why it came in, what happened, why it left.
CREATE TABLE report.participant_timeline (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- its version at entry
    objective_version VARCHAR,              -- the objective at entry; null without one
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    run_id VARCHAR NOT NULL,                -- the participant
    seq INTEGER NOT NULL,                   -- order of its events, from 1
    object VARCHAR NOT NULL,                -- the customer's object
    customer_id VARCHAR NOT NULL,           -- the record
    arm VARCHAR NOT NULL,                   -- treatment or holdout
    happened_at TIMESTAMPTZ NOT NULL,       -- when
    date DATE NOT NULL,                     -- its local date
    kind VARCHAR NOT NULL,                  -- entered, would_enter, step_in, step_out, action, objective_met, objective_lost or exited
    step_id VARCHAR,                        -- the step it is about
    reason_code VARCHAR,                    -- the arm taken, why a wait ended, an action's status, or why it left
    why_text VARCHAR NOT NULL,              -- the event as a sentence
    value DOUBLE                            -- the objective's measure as seen then, for objective events
);
