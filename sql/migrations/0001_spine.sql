-- The spine: what is live, what was evaluated, who is where, what was planned.
-- Read by `sql/migrations/__init__.py`: the sentence above a table and the words behind a column become COMMENT ON.

CREATE SCHEMA IF NOT EXISTS crm;
CREATE SCHEMA IF NOT EXISTS history;
CREATE SCHEMA IF NOT EXISTS live;
CREATE SCHEMA IF NOT EXISTS journal;
CREATE SCHEMA IF NOT EXISTS state;
CREATE SCHEMA IF NOT EXISTS outbox;
CREATE SCHEMA IF NOT EXISTS report;

-- One row is one apply: the text of every definition file that was made live.
CREATE TABLE live.projects (
    project_id BIGINT NOT NULL,             -- counts applies from 1
    fingerprint VARCHAR NOT NULL,           -- hash of all files
    name VARCHAR NOT NULL,                  -- the project's name
    timezone VARCHAR NOT NULL,              -- decides what today is
    seed VARCHAR NOT NULL,                  -- part of every hash that decides by chance
    files JSON NOT NULL,                    -- the text of every file, by path
    applied_at TIMESTAMPTZ NOT NULL,        -- when
    applied_by VARCHAR NOT NULL             -- who
);

-- One row is one version of one workflow; a version begins when its logic changes.
CREATE TABLE live.workflows (
    workflow VARCHAR NOT NULL,              -- the workflow's name
    version INTEGER NOT NULL,               -- counts changes of logic from 1
    is_current BOOLEAN NOT NULL,            -- the version that newcomers enter
    state VARCHAR NOT NULL,                 -- draft, enabled, paused or disabled
    object VARCHAR NOT NULL,                -- the object whose records take part
    description VARCHAR NOT NULL,           -- what it is for
    owner VARCHAR NOT NULL,                 -- who answers for it
    priority INTEGER NOT NULL,              -- higher is judged first
    launch VARCHAR,                         -- everyone or newcomers
    manual_entry BOOLEAN NOT NULL,          -- may people add records by hand
    reentry VARCHAR NOT NULL,               -- requalifying, unlimited or never
    reentry_months INTEGER NOT NULL,        -- calendar months to wait after the last exit
    reentry_days INTEGER NOT NULL,          -- calendar days to wait after the last exit
    reentry_minutes INTEGER NOT NULL,       -- minutes to wait after the last exit
    leave_on_objective BOOLEAN NOT NULL,    -- does meeting the objective end the passage
    holdout_share DOUBLE NOT NULL,          -- share of entrants that are only watched, 0 to 1
    entry_condition BIGINT NOT NULL,        -- number of the entry condition
    exit_condition BIGINT,                  -- number of the exit condition
    objective_condition BIGINT,             -- number of the objective's condition
    measure_value BIGINT,                   -- number of the objective's measure
    recipient_value BIGINT,                 -- number of the expression that chooses the recipient
    recipient_object VARCHAR,               -- the recipient's object
    objective_name VARCHAR,                 -- the objective, for people
    objective_text VARCHAR,                 -- the objective's condition as written
    objective_version VARCHAR,              -- hash of the objective; rates never mix two of them
    longest_stay_days DOUBLE NOT NULL,      -- the longest possible passage through the flow, in days
    logic_fingerprint VARCHAR NOT NULL,     -- changes with the logic
    text_fingerprint VARCHAR NOT NULL,      -- changes with anything
    structure_fingerprint VARCHAR NOT NULL, -- changes when steps come, go or move
    definition JSON NOT NULL,               -- the file as data
    applied_at TIMESTAMPTZ NOT NULL,        -- when this version was applied
    applied_by VARCHAR NOT NULL,            -- who applied it
    PRIMARY KEY (workflow, version)
);

-- One row is one step of one version.
CREATE TABLE live.steps (
    workflow VARCHAR NOT NULL,              -- the workflow
    version INTEGER NOT NULL,               -- its version
    step_id VARCHAR NOT NULL,               -- the step's id
    position INTEGER NOT NULL,              -- order as written, from 1
    kind VARCHAR NOT NULL,                  -- action, wait, branch, split or exit
    action_kind VARCHAR,                    -- task, email, update, notify or webhook
    label VARCHAR NOT NULL,                 -- what people read
    parent_step_id VARCHAR,                 -- the branch or split it lies in
    arm VARCHAR,                            -- the arm it lies in
    arms JSON NOT NULL,                     -- names of its own arms
    content_id VARCHAR,                     -- an action's content, see live.contents
    due_months INTEGER NOT NULL,            -- a task's due time, months from planning
    due_days INTEGER NOT NULL,              -- days from planning
    due_minutes INTEGER NOT NULL,           -- minutes from planning
    has_due BOOLEAN NOT NULL,               -- is there a due time at all
    longest_stay_days DOUBLE NOT NULL,      -- the longest a participant may rest here, in days
    PRIMARY KEY (workflow, version, step_id)
);

-- One row is one way from a resting place to the next; the lowest rank whose guards hold is taken.
CREATE TABLE live.hops (
    hop_id BIGINT NOT NULL,                 -- stable hash
    workflow VARCHAR NOT NULL,              -- the workflow
    version INTEGER NOT NULL,               -- its version
    from_step VARCHAR NOT NULL,             -- the resting place it starts from: (entry), (holdout) or a wait
    rank INTEGER NOT NULL,                  -- order among the hops of one place
    needs_timer BOOLEAN NOT NULL,           -- may only be taken once the participant is due
    outcome VARCHAR NOT NULL,               -- rest, completed or exited
    to_step VARCHAR NOT NULL,               -- the next resting place, or (end)
    reason VARCHAR,                         -- why it is taken, or the reason of an exit
    wait_months INTEGER NOT NULL,           -- the wait at the next place, months
    wait_days INTEGER NOT NULL,             -- days
    wait_minutes INTEGER NOT NULL,          -- minutes
    PRIMARY KEY (hop_id)
);

-- One row is one thing a hop asks for: a condition that holds, or a share of a split.
CREATE TABLE live.hop_guards (
    hop_id BIGINT NOT NULL,                 -- the hop
    condition BIGINT,                       -- number of a condition that must hold
    split_step VARCHAR,                     -- or: the split whose draw
    low DOUBLE,                             -- lies at or above this
    high DOUBLE                             -- and below this
);

-- One row is one step that a hop passes, in order.
CREATE TABLE live.hop_path (
    hop_id BIGINT NOT NULL,                 -- the hop
    position INTEGER NOT NULL,              -- order, from 1
    step_id VARCHAR NOT NULL,               -- the step
    arm VARCHAR                             -- the arm taken, for a branch or split
);

-- One row is one content of an action, addressed by its hash; never changed.
CREATE TABLE live.contents (
    content_id VARCHAR NOT NULL,            -- hash of kind and body
    kind VARCHAR NOT NULL,                  -- the action's kind
    body JSON NOT NULL,                     -- templates and settings as written
    PRIMARY KEY (content_id)
);

-- One row is one value that a content reads.
CREATE TABLE live.content_values (
    content_id VARCHAR NOT NULL,            -- the content
    name VARCHAR NOT NULL,                  -- the name it has in the content
    value BIGINT NOT NULL,                  -- number of the expression
    subject VARCHAR NOT NULL                -- record or recipient
);

-- One row is one snapshot of all sources.
CREATE TABLE journal.snapshots (
    snapshot_id BIGINT NOT NULL,            -- counts from 1
    as_of TIMESTAMPTZ NOT NULL,             -- the instant it shows
    PRIMARY KEY (snapshot_id)
);

-- One row is one object of one snapshot.
CREATE TABLE journal.snapshot_objects (
    snapshot_id BIGINT NOT NULL,            -- the snapshot
    object VARCHAR NOT NULL,                -- the object
    record_count BIGINT NOT NULL,           -- records in it
    created_count BIGINT NOT NULL,          -- records that were not there before
    updated_count BIGINT NOT NULL,          -- records that differ from before
    deleted_count BIGINT NOT NULL,          -- records that are gone
    null_key_count BIGINT NOT NULL,         -- rows left out: no key
    duplicate_count BIGINT NOT NULL,        -- rows left out: another row has the same key
    unreadable_count BIGINT NOT NULL        -- values that do not fit their type and count as missing
);

-- One row is one evaluation.
CREATE TABLE journal.evaluations (
    evaluation_id BIGINT NOT NULL,          -- counts from 1
    as_of TIMESTAMPTZ NOT NULL,             -- its instant: what now() is
    snapshot_id BIGINT NOT NULL,            -- the snapshot it read
    project_id BIGINT NOT NULL,             -- the apply it read
    entered_count BIGINT NOT NULL,          -- participants that entered
    left_count BIGINT NOT NULL,             -- participants that left before the end
    completed_count BIGINT NOT NULL,        -- participants that reached the end
    moved_count BIGINT NOT NULL,            -- moves from one resting place to another
    planned_count BIGINT NOT NULL,          -- actions planned
    refused_count BIGINT NOT NULL,          -- refusals that began
    seconds JSON NOT NULL,                  -- wall seconds a stage; not part of the chain
    chain_hash VARCHAR NOT NULL,            -- hash of what it wrote and of the hash before
    PRIMARY KEY (evaluation_id)
);

-- One row is one workflow in one evaluation.
CREATE TABLE journal.workflow_counts (
    evaluation_id BIGINT NOT NULL,          -- the evaluation
    workflow VARCHAR NOT NULL,              -- the workflow
    qualifying_count BIGINT NOT NULL,       -- records that meet the entry condition
    entered_count BIGINT NOT NULL,          -- entered, held-out ones included
    heldout_count BIGINT NOT NULL,          -- of these, in the control group
    refused_count BIGINT NOT NULL,          -- refusals that began
    left_count BIGINT NOT NULL,             -- left before the end
    completed_count BIGINT NOT NULL,        -- reached the end
    inside_count BIGINT NOT NULL,           -- inside afterwards
    planned_count BIGINT NOT NULL           -- actions planned
);

-- One row is one workflow's memory: what must be known of it before it was first enabled.
CREATE TABLE state.workflows (
    workflow VARCHAR NOT NULL,              -- the workflow
    first_enabled_at TIMESTAMPTZ NOT NULL,  -- its first evaluation while enabled
    PRIMARY KEY (workflow)
);

-- One row is one unbroken spell of a condition being true for a record.
CREATE TABLE state.episodes (
    subject VARCHAR NOT NULL,               -- entry:<workflow>, or held:<number of a condition>
    object VARCHAR NOT NULL,                -- the record's object
    record VARCHAR NOT NULL,                -- the record's key
    matched_from TIMESTAMPTZ NOT NULL,      -- the evaluation that first saw it
    matched_to TIMESTAMPTZ                  -- the evaluation that no longer saw it; null while it lasts
);

-- One row is one passage of one record through one workflow.
CREATE TABLE state.participants (
    participant_id VARCHAR NOT NULL,        -- hash of workflow, record and passage
    workflow VARCHAR NOT NULL,              -- the workflow
    version INTEGER NOT NULL,               -- the version it entered
    flow_version INTEGER NOT NULL,          -- the version it follows
    object VARCHAR NOT NULL,                -- the record's object
    record VARCHAR NOT NULL,                -- the record's key
    recipient VARCHAR,                      -- the recipient's key, chosen at entry
    arm VARCHAR NOT NULL,                   -- treatment or holdout
    entry_mode VARCHAR NOT NULL,            -- condition or manual
    entry_no INTEGER NOT NULL,              -- counts this record's passages from 1
    matched_from TIMESTAMPTZ,               -- the episode it entered by
    entered_at TIMESTAMPTZ NOT NULL,        -- when it entered
    status VARCHAR NOT NULL,                -- active, paused, error, goal_met, completed or exited
    step_id VARCHAR NOT NULL,               -- where it rests, or (end)
    arrived_at TIMESTAMPTZ NOT NULL,        -- since when
    due_at TIMESTAMPTZ,                     -- when the wait is over
    exit_reason VARCHAR,                    -- why it left
    left_at TIMESTAMPTZ,                    -- when it left
    met_at_entry BOOLEAN NOT NULL,          -- the objective was already met at entry
    objective_met_at TIMESTAMPTZ,           -- the first evaluation after entry that saw it met
    watched_until TIMESTAMPTZ NOT NULL,     -- until when the objective is observed
    is_met BOOLEAN,                         -- the objective as last observed
    measure DOUBLE,                         -- the objective's measure as last observed
    PRIMARY KEY (participant_id)
);

-- One row is one event of a passage; append only. Transitions alone rebuild the participants.
CREATE TABLE state.transitions (
    participant_id VARCHAR NOT NULL,        -- the participant
    evaluation_id BIGINT NOT NULL,          -- the evaluation
    sequence INTEGER NOT NULL,              -- order within the evaluation
    happened_at TIMESTAMPTZ NOT NULL,       -- the evaluation's instant
    kind VARCHAR NOT NULL,                  -- entered, moved, completed, exited or objective_met
    from_step VARCHAR,                      -- where it was
    to_step VARCHAR,                        -- where it is now
    hop_id BIGINT,                          -- the hop taken
    due_at TIMESTAMPTZ,                     -- when the new wait is over
    reason VARCHAR                          -- why
);

-- One row is one spell of a record qualifying and not being admitted.
CREATE TABLE state.refusals (
    workflow VARCHAR NOT NULL,              -- the workflow
    object VARCHAR NOT NULL,                -- the record's object
    record VARCHAR NOT NULL,                -- the record
    reason VARCHAR NOT NULL,                -- the first gate that refused
    until_at TIMESTAMPTZ,                   -- when the gate opens, where that is known
    refused_from TIMESTAMPTZ NOT NULL,      -- first evaluation that refused
    refused_to TIMESTAMPTZ                  -- first evaluation that no longer did; null while it lasts
);

-- One row is one change of what was seen of a participant's objective.
CREATE TABLE state.observations (
    participant_id VARCHAR NOT NULL,        -- the participant
    observed_at TIMESTAMPTZ NOT NULL,       -- the evaluation's instant
    is_met BOOLEAN NOT NULL,                -- does the objective hold
    measure DOUBLE                          -- the objective's measure
);

-- One row is one planned action.
CREATE TABLE outbox.actions (
    action_id VARCHAR NOT NULL,             -- hash of participant, step and occasion: the idempotency key
    participant_id VARCHAR NOT NULL,        -- the participant
    workflow VARCHAR NOT NULL,              -- the workflow
    version INTEGER NOT NULL,               -- the version it followed
    step_id VARCHAR NOT NULL,               -- the step
    object VARCHAR NOT NULL,                -- the record's object
    record VARCHAR NOT NULL,                -- the record
    recipient VARCHAR,                      -- the recipient's key
    kind VARCHAR NOT NULL,                  -- task, email, update, notify or webhook
    content_id VARCHAR NOT NULL,            -- templates and settings, see live.contents
    values JSON NOT NULL,                   -- the values they read, as seen by the evaluation
    evaluation_id BIGINT NOT NULL,          -- the evaluation that planned it
    planned_at TIMESTAMPTZ NOT NULL,        -- its instant
    send_after TIMESTAMPTZ NOT NULL,        -- not before this
    due_at TIMESTAMPTZ,                     -- when a task is due
    status VARCHAR NOT NULL,                -- planned, sent, failed, cancelled or dropped
    status_at TIMESTAMPTZ NOT NULL,         -- since when
    status_reason VARCHAR,                  -- why, for failed, cancelled and dropped
    PRIMARY KEY (action_id)
);

-- One row is one batch that a sink took.
CREATE TABLE outbox.batches (
    batch_id VARCHAR NOT NULL,              -- the batch's name
    sink VARCHAR NOT NULL,                  -- the sink
    kind VARCHAR NOT NULL,                  -- the kind of its actions
    evaluation_id BIGINT NOT NULL,          -- the evaluation that planned them
    action_count BIGINT NOT NULL,           -- how many
    checksum VARCHAR NOT NULL,              -- SHA-256 of the batch as written
    location VARCHAR NOT NULL,              -- where it lies
    written_at TIMESTAMPTZ NOT NULL         -- when
);

-- One row is one try at delivery; append only.
CREATE TABLE outbox.attempts (
    action_id VARCHAR NOT NULL,             -- the action
    attempt INTEGER NOT NULL,               -- counts from 1
    batch_id VARCHAR NOT NULL,              -- the batch
    attempted_at TIMESTAMPTZ NOT NULL,      -- when
    outcome VARCHAR NOT NULL,               -- sent, failed, uncertain, dropped; later: to be tried again; claimed: an evaluation found it on its way
    message VARCHAR                         -- what the sink or the template said
);

-- A stable draw in [0, 1) from a text: splits, holdouts and everything else that is left to chance.
CREATE MACRO main.draw(x) AS CAST(('0x' || substr(md5(x), 1, 8)) AS BIGINT) / 4294967296.0;

-- A calendar step: months and days keep the clock time of the session's timezone, minutes are elapsed time.
CREATE MACRO main.calendar_add(t, months, days, minutes) AS t + to_months(months) + to_days(days) + to_minutes(minutes);
