-- The whole language: operators' commands, results, related rows, locks, schedules, goals, assignments, archiving.

CREATE SCHEMA IF NOT EXISTS inbox;

-- One row is one order of an operator, or of an `enroll` step; the next evaluation takes it up.
CREATE TABLE journal.commands (
    command_id VARCHAR NOT NULL,            -- stable hash
    given_at TIMESTAMPTZ NOT NULL,          -- when it was given
    given_by VARCHAR NOT NULL,              -- who gave it; (step) <workflow>/<step> for an enroll step
    command VARCHAR NOT NULL,               -- enable, pause, resume, archive, disable, enroll, remove, retry, goal-met, approve or reject
    workflow VARCHAR NOT NULL,              -- the workflow
    record VARCHAR,                         -- the record; null: the workflow itself
    step_id VARCHAR,                        -- the step, for approve and reject; null: all that wait
    taken_at TIMESTAMPTZ,                   -- the evaluation's instant that took it up; null: none yet
    outcome VARCHAR,                        -- done or refused
    reason VARCHAR,                         -- why it was refused
    PRIMARY KEY (command_id)
);

-- One row is something that happened to an action after it was sent.
CREATE TABLE inbox.results (
    action_id VARCHAR NOT NULL,             -- the action
    result VARCHAR NOT NULL,                -- completed, delivered, opened, clicked, replied, bounced, dropped, unsubscribed, complained or outcome
    value VARCHAR,                          -- an outcome's value
    recipient VARCHAR,                      -- who did it; null: the action's recipient
    happened_at TIMESTAMPTZ NOT NULL,       -- its own time
    received_at TIMESTAMPTZ NOT NULL        -- when it became known here
);

-- One row is one record that was merged into another.
CREATE TABLE crm.merges (
    object VARCHAR NOT NULL,                -- the object
    loser VARCHAR NOT NULL,                 -- the record that is gone
    survivor VARCHAR NOT NULL,              -- the record that goes on
    seen_at TIMESTAMPTZ NOT NULL            -- the snapshot that first showed it
);

-- One row is one value that a participant had when it entered, for `at_entry`.
CREATE TABLE state.entry_values (
    participant_id VARCHAR NOT NULL,        -- the participant
    value BIGINT NOT NULL,                  -- number of the expression
    result VARCHAR NOT NULL                 -- its value as JSON
);

-- One row is one user chosen by an assign step.
CREATE TABLE state.assignments (
    action_id VARCHAR NOT NULL,             -- the assign action
    participant_id VARCHAR NOT NULL,        -- the participant
    workflow VARCHAR NOT NULL,              -- the workflow
    step_id VARCHAR NOT NULL,               -- the assign step
    user_key VARCHAR,                       -- the user; null: nobody was there
    turn BIGINT NOT NULL,                   -- order within one evaluation
    method VARCHAR NOT NULL,                -- rule, round_robin, random, least_loaded, fallback or nobody
    assigned_at TIMESTAMPTZ NOT NULL        -- when
);

-- One row is one goal of one version of a workflow, in the order written.
CREATE TABLE live.goals (
    workflow VARCHAR NOT NULL,              -- the workflow
    version INTEGER NOT NULL,               -- its version
    position INTEGER NOT NULL,              -- order as written, from 1
    name VARCHAR NOT NULL,                  -- the reason that is stored
    kind VARCHAR,                           -- incoming_email, incoming_sms, incoming_call, meeting_booked or outcome
    value VARCHAR,                          -- the outcome asked for
    condition BIGINT                        -- or: number of a condition
);

-- One row is one value that a version's conditions read from the entry.
CREATE TABLE live.entry_values (
    workflow VARCHAR NOT NULL,              -- the workflow
    version INTEGER NOT NULL,               -- its version
    value BIGINT NOT NULL                   -- number of the expression
);

-- One row is one rule of an assign step, in the order written.
CREATE TABLE live.assign_rules (
    workflow VARCHAR NOT NULL,              -- the workflow
    version INTEGER NOT NULL,               -- its version
    step_id VARCHAR NOT NULL,               -- the assign step
    position INTEGER NOT NULL,              -- order as written, from 1
    condition BIGINT NOT NULL,              -- number of its condition
    user_key VARCHAR NOT NULL               -- the user
);

-- One row is one old resting place and the one that takes its place, for a structural change while live.
CREATE TABLE live.step_moves (
    workflow VARCHAR NOT NULL,              -- the workflow
    version INTEGER NOT NULL,               -- the new version
    from_step VARCHAR NOT NULL,             -- the old wait
    to_step VARCHAR NOT NULL                -- the new one
);

-- the state that the file asks for; `state` may be an operator's
ALTER TABLE live.workflows ADD COLUMN wanted_state VARCHAR;

-- number of the related rows that become participants of their own
ALTER TABLE live.workflows ADD COLUMN each_value BIGINT;

-- the object of these rows
ALTER TABLE live.workflows ADD COLUMN row_object VARCHAR;

-- does a participant shut all other workflows to its record
ALTER TABLE live.workflows ADD COLUMN shuts_all BOOLEAN DEFAULT FALSE;

-- the workflows that a participant shuts to its record
ALTER TABLE live.workflows ADD COLUMN shuts VARCHAR[] DEFAULT [];

-- may a recipient be reached only once, ever
ALTER TABLE live.workflows ADD COLUMN runs_once BOOLEAN DEFAULT FALSE;

-- no more entries than this
ALTER TABLE live.workflows ADD COLUMN entry_limit BIGINT;

-- in one hour, day, week or month
ALTER TABLE live.workflows ADD COLUMN entry_unit VARCHAR;

-- when records are admitted, as cron in the project's timezone
ALTER TABLE live.workflows ADD COLUMN entry_cron VARCHAR;

-- finish_old, restart or move: what a change of steps does to those inside
ALTER TABLE live.workflows ADD COLUMN on_structural_change VARCHAR;

-- must somebody approve the action
ALTER TABLE live.steps ADD COLUMN needs_approval BOOLEAN DEFAULT FALSE;

-- business days from planning until a task is due
ALTER TABLE live.steps ADD COLUMN due_business_days INTEGER DEFAULT 0;

-- the object whose records an assign step chooses from
ALTER TABLE live.steps ADD COLUMN assign_object VARCHAR;

-- how it chooses: round_robin, random or least_loaded
ALTER TABLE live.steps ADD COLUMN assign_by VARCHAR;

-- number of the expression that says who takes part
ALTER TABLE live.steps ADD COLUMN assign_pool BIGINT;

-- does the step's own count stand for a user's load
ALTER TABLE live.steps ADD COLUMN assign_counts BOOLEAN DEFAULT FALSE;

-- number of the condition that the sender allows sending; null: nobody need allow it
ALTER TABLE live.steps ADD COLUMN sender_condition BIGINT;

-- the user who gets it when nobody is there
ALTER TABLE live.steps ADD COLUMN assign_fallback VARCHAR;

-- the earlier assign step whose user does this one
ALTER TABLE live.steps ADD COLUMN assigned_by_step VARCHAR;

-- the workflow that an enroll step starts
ALTER TABLE live.steps ADD COLUMN enroll_workflow VARCHAR;

-- number of the related rows it starts it for; null: for the record itself
ALTER TABLE live.steps ADD COLUMN enroll_value BIGINT;

-- number of the date that a wait waits for
ALTER TABLE live.steps ADD COLUMN date_value BIGINT;

-- may it only be taken by somebody whose date was not known before
ALTER TABLE live.hops ADD COLUMN is_first_look BOOLEAN DEFAULT FALSE;

-- does the next place have a due time
ALTER TABLE live.hops ADD COLUMN is_timed BOOLEAN DEFAULT FALSE;

-- the wait at the next place, business days
ALTER TABLE live.hops ADD COLUMN wait_business_days INTEGER DEFAULT 0;

-- the state at the latest evaluation
ALTER TABLE state.workflows ADD COLUMN last_state VARCHAR;

-- the related row's key, where rows are participants; else empty
ALTER TABLE state.episodes ADD COLUMN occasion VARCHAR DEFAULT '';

-- the related row's key, where rows are participants; else empty
ALTER TABLE state.participants ADD COLUMN occasion VARCHAR DEFAULT '';

-- since when it is paused or in error
ALTER TABLE state.participants ADD COLUMN halted_at TIMESTAMPTZ;

-- the latest command that pauses it, or what the error is
ALTER TABLE state.participants ADD COLUMN halt_reason VARCHAR;

-- how often it began anew after a change of steps
ALTER TABLE state.participants ADD COLUMN restarts INTEGER DEFAULT 0;

-- from when events count as goals, after a pause; null: from the entry
ALTER TABLE state.participants ADD COLUMN goals_from TIMESTAMPTZ;

-- a goal's own time
ALTER TABLE state.participants ADD COLUMN goal_at TIMESTAMPTZ;

-- the related row's key, where rows are participants; else empty
ALTER TABLE state.refusals ADD COLUMN occasion VARCHAR DEFAULT '';

-- more about the reason, such as the workflow that locks
ALTER TABLE state.refusals ADD COLUMN detail VARCHAR;

-- the related row's key, where rows are participants; else empty
ALTER TABLE outbox.actions ADD COLUMN occasion VARCHAR DEFAULT '';

-- A stored JSON value as text.
CREATE MACRO main.as_text(j) AS (CAST(j AS JSON) ->> '$');

-- A stored JSON value as a whole number.
CREATE MACRO main.as_integer(j) AS TRY_CAST((CAST(j AS JSON) ->> '$') AS BIGINT);

-- A stored JSON value as a number.
CREATE MACRO main.as_number(j) AS TRY_CAST((CAST(j AS JSON) ->> '$') AS DOUBLE);

-- A stored JSON value as a truth.
CREATE MACRO main.as_boolean(j) AS TRY_CAST((CAST(j AS JSON) ->> '$') AS BOOLEAN);

-- A stored JSON value as a date.
CREATE MACRO main.as_date(j) AS TRY_CAST((CAST(j AS JSON) ->> '$') AS DATE);

-- A stored JSON value as an instant.
CREATE MACRO main.as_instant(j) AS TRY_CAST((CAST(j AS JSON) ->> '$') AS TIMESTAMPTZ);

-- A stored JSON value as a list.
CREATE MACRO main.as_list(j) AS CAST(CAST(j AS JSON) AS VARCHAR[]);

-- When the remaining wait of somebody who was halted ends: later by the time of the halt.
CREATE MACRO main.later_by_halt(due, halted, now) AS due + (now - halted);

-- The state of a workflow after an order; null where the order makes no sense.
CREATE MACRO main.state_after(command, state) AS CASE
    WHEN state = 'draft' THEN NULL
    WHEN command = 'enable' AND state <> 'enabled' THEN 'enabled'
    WHEN command = 'resume' AND state IN ('paused', 'archived') THEN 'enabled'
    WHEN command = 'pause' AND state = 'enabled' THEN 'paused'
    WHEN command = 'archive' AND state <> 'archived' THEN 'archived'
    WHEN command = 'disable' AND state <> 'disabled' THEN 'disabled'
END;

-- The status of a participant after an order; null where the order makes no sense.
CREATE MACRO main.status_after(command, status) AS CASE
    WHEN command IN ('remove', 'goal-met') THEN status
    WHEN command = 'pause' AND status = 'active' THEN 'paused'
    WHEN command = 'resume' AND status = 'paused' THEN 'active'
    WHEN command = 'retry' AND status = 'error' THEN 'active'
END;
