-- The rest of the report: dimensions, levels by day, answers by step, figures under their own names, queues, alerts.
-- A refresh makes the rows of those workflows anew whose rows can have changed; objective_history and alert alone remember.

-- Wilson and Newcombe as in 0010, at 99 %: for alarms that look at many workflows at once.
CREATE MACRO main.z99() AS CAST(2.5758293035489004 AS DOUBLE);

CREATE MACRO main.wilson_lo_99(x, n) AS
    greatest(0.0, (x + z99() * z99() / 2 - z99() * sqrt(x * (n - x) / n + z99() * z99() / 4)) / (n + z99() * z99()));

CREATE MACRO main.wilson_hi_99(x, n) AS
    least(1.0, (x + z99() * z99() / 2 + z99() * sqrt(x * (n - x) / n + z99() * z99() / 4)) / (n + z99() * z99()));

CREATE MACRO main.newcombe_hi_99(x1, n1, x2, n2) AS
    x1 / n1 - x2 / n2 + sqrt(pow(wilson_hi_99(x1, n1) - x1 / n1, 2) + pow(x2 / n2 - wilson_lo_99(x2, n2), 2));

-- One row says what the report tables are about, and when they were made.
CREATE TABLE report.report_meta (
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data: the last evaluation's instant
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    project VARCHAR NOT NULL,               -- the project's name
    reporting_zone VARCHAR NOT NULL,        -- the timezone of all dates
    week_start VARCHAR NOT NULL,            -- the first day of a week: always monday
    post_exit_days INTEGER NOT NULL,        -- days after the exit in which the objective still counts
    schema_version INTEGER NOT NULL,        -- the number of the last migration
    built_at TIMESTAMPTZ NOT NULL,          -- when these tables changed last
    oldest_source_at TIMESTAMPTZ,           -- the instant of the snapshot that was evaluated
    build_ms BIGINT NOT NULL                -- milliseconds that the refresh took
);

-- One row is one figure of the report: what it counts, and what to beware of.
CREATE TABLE report.metric_dictionary (
    metric_id VARCHAR NOT NULL,             -- its name everywhere
    label VARCHAR NOT NULL,                 -- what people read
    unit VARCHAR NOT NULL,                  -- share, points, days, count or value
    counted VARCHAR NOT NULL,               -- run or customer
    numerator VARCHAR NOT NULL,             -- what is counted
    denominator VARCHAR,                    -- of what; null: not a share
    formula_sql VARCHAR NOT NULL,           -- the figure in SQL over these tables, in short
    caveat VARCHAR NOT NULL,                -- what to beware of; empty: nothing
    since_version INTEGER NOT NULL          -- the first schema_version with this meaning
);

-- One row is one figure of one workflow, under its name in metric_dictionary; of the current objective alone.
CREATE TABLE report.metric_value (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- the version that newcomers enter
    objective_version VARCHAR,              -- its objective; null without one
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    arm VARCHAR NOT NULL,                   -- treatment or holdout
    metric_id VARCHAR NOT NULL,             -- the figure
    value DOUBLE,                           -- its value; null: nothing out of nothing
    numerator DOUBLE,                       -- what was counted; null where the figure is no share
    denominator DOUBLE                      -- of how many
);

-- One row is one version of one workflow, with the time in which newcomers entered it.
CREATE TABLE report.workflow_dim (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    version INTEGER NOT NULL,               -- counts changes of logic from 1
    objective_version VARCHAR,              -- its objective; null without one
    name VARCHAR NOT NULL,                  -- the workflow for people
    description VARCHAR NOT NULL,           -- what it is for
    object_type VARCHAR NOT NULL,           -- the object whose records take part
    status VARCHAR NOT NULL,                -- draft, enabled, paused, disabled or archived; superseded for old versions
    objective_name VARCHAR,                 -- the objective, for people
    objective_text VARCHAR,                 -- its condition as written
    field VARCHAR,                          -- the field compared, where the condition is one comparison
    operator VARCHAR,                       -- how it is compared
    operand VARCHAR,                        -- with what
    measure VARCHAR,                        -- the number that is averaged, as written
    exit_on_objective BOOLEAN NOT NULL,     -- does meeting it end the run
    d_max_days INTEGER NOT NULL,            -- the longest possible stay, in whole days
    maturity_days INTEGER NOT NULL,         -- d_max_days plus the 30 days after an exit
    uplift_horizon_days INTEGER NOT NULL,   -- days from entry within which the comparison with the hold-out counts
    holdout_share DOUBLE NOT NULL,          -- share of entrants that are only watched
    owner VARCHAR NOT NULL,                 -- who answers for it
    valid_from TIMESTAMPTZ NOT NULL,        -- when it was applied
    valid_to TIMESTAMPTZ                    -- when the next version was; null: newcomers enter it now
);

-- One row is one step of one version.
CREATE TABLE report.step_dim (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    version INTEGER NOT NULL,               -- its version
    step_id VARCHAR NOT NULL,               -- the step
    parent_step_id VARCHAR,                 -- the branch or split it lies in
    branch_label VARCHAR,                   -- the arm it lies in
    branch_path VARCHAR NOT NULL,           -- all arms on the way to it, outermost first; empty on the trunk
    kind VARCHAR NOT NULL,                  -- action, wait, branch, split or exit
    action_type VARCHAR,                    -- of an action: task, email and so on
    label VARCHAR NOT NULL,                 -- what people read
    order_no INTEGER NOT NULL,              -- order as written, from 1
    max_stay_days DOUBLE NOT NULL,          -- the longest a run may rest here
    x DOUBLE NOT NULL,                      -- a simple layout: how deep it lies in branches
    y DOUBLE NOT NULL                       -- and its order
);

-- the customer for people, as the CRM has it now; its key without a label
ALTER TABLE report.run_fact ADD COLUMN customer_name VARCHAR;

-- met_at_entry, active_not_met, active_met, exited_met_inside, exited_met_after, exited_watching, exited_not_met, lost or error
ALTER TABLE report.run_fact ADD COLUMN state_class VARCHAR;

-- did the objective still hold 30 days after the exit; null until then
ALTER TABLE report.run_fact ADD COLUMN still_met_exit30 BOOLEAN;

-- has its horizon for the comparison with the hold-out come
ALTER TABLE report.run_fact ADD COLUMN uplift_matured BOOLEAN;

-- the measure at entry
ALTER TABLE report.run_fact ADD COLUMN value_entry DOUBLE;

-- the measure at the exit; null while inside
ALTER TABLE report.run_fact ADD COLUMN value_exit DOUBLE;

-- the measure 30 days after the exit; null until then
ALTER TABLE report.run_fact ADD COLUMN value_exit30 DOUBLE;

-- the measure at the horizon of the comparison; null until then
ALTER TABLE report.run_fact ADD COLUMN value_h DOUBLE;

-- the customer's segment when it entered, where the catalog names its field
ALTER TABLE report.run_fact ADD COLUMN segment_at_entry VARCHAR;

-- the customer's owner when it entered, where the catalog names its field
ALTER TABLE report.run_fact ADD COLUMN owner_at_entry VARCHAR;

-- the customer's plan when it entered, where the catalog names its field
ALTER TABLE report.run_fact ADD COLUMN plan_at_entry VARCHAR;

-- the customer for people
ALTER TABLE report.participant_timeline ADD COLUMN customer_name VARCHAR;

-- what was judged and what was seen then, as JSON: condition, values, times
ALTER TABLE report.participant_timeline ADD COLUMN why_trace VARCHAR;

-- runs that matured by that day, as many as they are worth where customers came more than once
ALTER TABLE report.objective_daily ADD COLUMN n_eff DOUBLE;

-- mean measure of the runs inside at the end of the day
ALTER TABLE report.objective_daily ADD COLUMN value_mean DOUBLE;

-- of the runs inside, the share whose measure is missing; null without a measure
ALTER TABLE report.objective_daily ADD COLUMN null_share DOUBLE;

-- runs whose action here was dropped or cancelled
ALTER TABLE report.step_funnel ADD COLUMN skipped_count BIGINT;

-- One row is one day before or after a run's exit, or after its entry: what was seen of matured runs that were watched on it.
CREATE TABLE report.post_exit_curve (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- the latest version with this objective
    objective_version VARCHAR,              -- the objective
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    arm VARCHAR NOT NULL,                   -- treatment or holdout; the hold-out has no exit
    anchor VARCHAR NOT NULL,                -- exit or entry
    day_no INTEGER NOT NULL,                -- days from the anchor: from -14 to 30 of the exit, from 0 to maturity_days of the entry
    n_observed BIGINT NOT NULL,             -- matured runs that were watched on that day
    value_mean DOUBLE,                      -- mean of their measure
    value_p50 DOUBLE,                       -- its median
    value_lo DOUBLE,                        -- lower end of the mean's 95 % interval (t); null under two values
    value_hi DOUBLE,                        -- upper end
    met_share DOUBLE NOT NULL,              -- share of them for whom the objective holds on that day
    met_cum_share DOUBLE NOT NULL           -- share of them for whom it held on that day or before
);

-- One row is one action step, or before_any: who answered after it, by the last step done before, and at any time after.
CREATE TABLE report.responded_by_step (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- the latest version with this objective
    objective_version VARCHAR,              -- the objective; null without one
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    step_id VARCHAR NOT NULL,               -- the step; before_any: met before any action was done
    branch_path VARCHAR NOT NULL,           -- all arms on the way to the step; empty on the trunk
    completed_count BIGINT NOT NULL,        -- runs whose action here was done; before_any: all runs not met at entry
    last_touch_count BIGINT NOT NULL,       -- runs that met objective or goal after this action and before the next: once a run
    last_touch_share DOUBLE,                -- last_touch_count / completed_count
    any_after_count BIGINT NOT NULL,        -- runs that met it at any time after this action
    any_after_share DOUBLE                  -- any_after_count / completed_count
);

-- One row is one arm of a branch or split: what became of the runs that took it. Paths are chosen by behaviour: a difference is no effect.
CREATE TABLE report.branch_outcome (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- the latest version with this objective
    objective_version VARCHAR,              -- the objective; null without one
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    branch_step_id VARCHAR NOT NULL,        -- the branch or split
    branch_label VARCHAR NOT NULL,          -- the arm taken
    run_count BIGINT NOT NULL,              -- runs that took it
    matured_count BIGINT NOT NULL,          -- of these, matured and not met at entry
    met_count BIGINT NOT NULL,              -- of these, met inside the window
    met_share DOUBLE,                       -- met_count / matured_count
    lo DOUBLE,                              -- lower end of its 95 % interval (Wilson)
    hi DOUBLE,                              -- upper end
    cif_30 DOUBLE                           -- cumulative incidence of the objective 30 days after entry (Aalen-Johansen)
);

-- One row is one class of runs on one local date; the classes of a day sum to all who had entered.
CREATE TABLE report.participant_breakdown (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- the latest version with this objective
    objective_version VARCHAR,              -- the objective; null without one
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    arm VARCHAR NOT NULL,                   -- treatment or holdout
    state_class VARCHAR NOT NULL,           -- see run_fact
    date DATE NOT NULL,                     -- the day, at its end
    run_count BIGINT NOT NULL,              -- runs in the class
    customer_count BIGINT NOT NULL          -- customers behind them
);

-- One row is one pair of instants: the measure of the same matured runs at both, and its mean change.
CREATE TABLE report.objective_impact (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- the latest version with this objective
    objective_version VARCHAR,              -- the objective
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    arm VARCHAR NOT NULL,                   -- treatment or holdout
    pair VARCHAR NOT NULL,                  -- entry_exit, entry_exit30, exit_exit30 or entry_h; the hold-out has entry_h alone
    n_pairs BIGINT NOT NULL,                -- runs with a measure at both
    mean_from DOUBLE NOT NULL,              -- mean at the first
    mean_to DOUBLE NOT NULL,                -- mean at the second
    change_share DOUBLE,                    -- (mean_to - mean_from) / mean_from
    mean_diff DOUBLE NOT NULL,              -- mean difference, in the measure's own unit
    diff_lo DOUBLE,                         -- lower end of its 95 % interval (paired t); null under two pairs
    diff_hi DOUBLE                          -- upper end
);

-- One row is one action and what became of it.
CREATE TABLE report.action_log (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- the version that planned it
    objective_version VARCHAR,              -- the run's objective; null without one
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    action_id VARCHAR NOT NULL,             -- the action; also the key that keeps it from being done twice
    run_id VARCHAR NOT NULL,                -- the participant
    customer_id VARCHAR NOT NULL,           -- the record
    customer_name VARCHAR,                  -- the record for people
    step_id VARCHAR NOT NULL,               -- the step
    action_type VARCHAR NOT NULL,           -- task, email and so on
    owner VARCHAR,                          -- whose work it is
    recipient VARCHAR,                      -- who it goes to
    planned_at TIMESTAMPTZ NOT NULL,        -- the evaluation that planned it
    permitted_at TIMESTAMPTZ NOT NULL,      -- not before this
    due_at TIMESTAMPTZ,                     -- when a task is due
    sent_at TIMESTAMPTZ,                    -- when it was sent
    status VARCHAR NOT NULL,                -- as the outbox has it
    result VARCHAR NOT NULL,                -- planned, sent, skipped or failed
    result_at TIMESTAMPTZ NOT NULL,         -- since when
    reason_code VARCHAR,                    -- why, for skipped and failed
    attempt INTEGER NOT NULL,               -- tries so far
    target VARCHAR,                         -- the sink
    payload_hash VARCHAR                    -- SHA-256 of what the sink was told
);

-- One row is one day of one step: its actions by the day on which they were planned, and what became of them.
CREATE TABLE report.action_daily (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    date DATE NOT NULL,                     -- the local date
    step_id VARCHAR NOT NULL,               -- the step
    action_type VARCHAR NOT NULL,           -- task, email and so on
    planned_count BIGINT NOT NULL,          -- planned on that day
    sent_count BIGINT NOT NULL,             -- of these, sent
    skipped_count BIGINT NOT NULL,          -- of these, cancelled or dropped
    failed_count BIGINT NOT NULL,           -- of these, failed or uncertain
    open_count BIGINT NOT NULL              -- of these, still to be done
);

-- One row is one current version in the last evaluation: who matched, who entered, and which gate kept the others out.
CREATE TABLE report.entry_preview (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    version INTEGER NOT NULL,               -- the version that newcomers enter
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation
    evaluated_count BIGINT NOT NULL,        -- records of its object
    matched_count BIGINT NOT NULL,          -- meet the entry condition
    would_enter_count BIGINT NOT NULL,      -- entered in this evaluation
    blocked_reentry_count BIGINT NOT NULL,  -- kept out by a rule about those who come back
    blocked_eligibility_count BIGINT NOT NULL, -- kept out by any other gate
    already_inside_count BIGINT NOT NULL,   -- were inside before
    to_holdout_count BIGINT NOT NULL,       -- of those who entered, held out
    already_met_count BIGINT NOT NULL,      -- of those who entered, the objective was met already
    blocked_by JSON NOT NULL,               -- those kept out, by gate
    sample_ids JSON NOT NULL                -- records that entered, at most 20
);

-- One row is one spell of something that needs attention.
CREATE TABLE report.alert (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    rule VARCHAR NOT NULL,                  -- what was noticed
    first_seen_at TIMESTAMPTZ NOT NULL,     -- the evaluation that noticed it
    severity VARCHAR NOT NULL,              -- info, warn or error
    text VARCHAR NOT NULL,                  -- a sentence about it
    value DOUBLE,                           -- the figure that raised it
    threshold DOUBLE,                       -- and the limit that it passed
    last_seen_at TIMESTAMPTZ NOT NULL,      -- the last evaluation that saw it
    cleared_at TIMESTAMPTZ                  -- the first evaluation that no longer did; null while it lasts
);

-- One row is one figure as it was published: written only where it changed; never changed afterwards.
CREATE TABLE report.objective_history (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    objective_version VARCHAR,              -- the objective
    arm VARCHAR NOT NULL,                   -- treatment or holdout
    metric_id VARCHAR NOT NULL,             -- the figure
    date DATE NOT NULL,                     -- the local date of the evaluation
    evaluation_id BIGINT NOT NULL,          -- the evaluation that it was first published for
    value DOUBLE,                           -- its value then
    numerator DOUBLE,                       -- what was counted
    denominator DOUBLE                      -- of how many
);

-- One row is something to come in the next 30 days: an action in the outbox, or the first one after a wait that ends by then.
CREATE TABLE report.upcoming (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    date DATE NOT NULL,                     -- the local date
    expected_at TIMESTAMPTZ NOT NULL,       -- not before this
    certainty VARCHAR NOT NULL,             -- planned: in the outbox; expected: behind a wait; possible: behind a wait and a choice
    run_id VARCHAR NOT NULL,                -- the participant
    customer_id VARCHAR NOT NULL,           -- the record
    customer_name VARCHAR,                  -- the record for people
    step_id VARCHAR NOT NULL,               -- the step
    action_type VARCHAR NOT NULL,           -- task, email and so on
    label VARCHAR NOT NULL,                 -- what people read
    owner VARCHAR,                          -- whose work it is: the assigned user, else the customer's owner at entry
    recipient VARCHAR                       -- who it goes to
);

-- One row is one action that waits for somebody's approval.
CREATE TABLE report.waiting (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    action_id VARCHAR NOT NULL,             -- the action
    run_id VARCHAR NOT NULL,                -- the participant
    customer_id VARCHAR NOT NULL,           -- the record
    customer_name VARCHAR,                  -- the record for people
    step_id VARCHAR NOT NULL,               -- the step
    action_type VARCHAR NOT NULL,           -- task, email and so on
    label VARCHAR NOT NULL,                 -- what people read
    owner VARCHAR,                          -- whose work it is
    recipient VARCHAR,                      -- who it goes to
    waiting_since TIMESTAMPTZ NOT NULL,     -- when it was planned
    waiting_days INTEGER NOT NULL           -- days since
);

-- One row is one action that failed, or of which nobody knows whether it was done.
CREATE TABLE report.failed (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    action_id VARCHAR NOT NULL,             -- the action
    run_id VARCHAR NOT NULL,                -- the participant
    customer_id VARCHAR NOT NULL,           -- the record
    customer_name VARCHAR,                  -- the record for people
    step_id VARCHAR NOT NULL,               -- the step
    action_type VARCHAR NOT NULL,           -- task, email and so on
    label VARCHAR NOT NULL,                 -- what people read
    owner VARCHAR,                          -- whose work it is
    recipient VARCHAR,                      -- who it goes to
    status VARCHAR NOT NULL,                -- failed or uncertain
    failed_at TIMESTAMPTZ NOT NULL,         -- since when
    attempt INTEGER NOT NULL,               -- tries so far
    target VARCHAR,                         -- the sink
    code VARCHAR,                           -- the sink's code, such as an HTTP status
    message VARCHAR                         -- what it said
);

-- One row is one workflow: a hash of everything that its report rows were made from.
CREATE TABLE report.made_from (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    fingerprint VARCHAR NOT NULL,           -- hash of its versions, participants, transitions, observations, actions and tries
    local_date DATE NOT NULL,               -- the last date of its rows
    made_at TIMESTAMPTZ NOT NULL            -- as_of of the refresh that made them
);

-- One row is one run: its record as the evaluation that let it in had read it. Kept, so that no refresh looks for it again.
CREATE TABLE report.entry_seen (
    run_id VARCHAR NOT NULL,                -- the participant
    fields JSON NOT NULL,                   -- the record's own fields
    named JSON NOT NULL                     -- those of them that the entry condition names
);

-- One row is one run: a hash of everything that its timeline was made from.
CREATE TABLE report.run_made_from (
    run_id VARCHAR NOT NULL,                -- the participant
    fingerprint HUGEINT NOT NULL            -- hash of its transitions, observations, actions, tries and refusals
);
