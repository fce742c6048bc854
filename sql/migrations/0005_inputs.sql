-- What evaluations were made from: snapshots as changes, and a seal on every row that came from outside, so that all can be made again.

CREATE SCHEMA IF NOT EXISTS inputs;

-- One row is one record that a snapshot found new, changed or gone, as it was read; all snapshots together rebuild every one of them.
CREATE TABLE inputs.records (
    snapshot_id BIGINT NOT NULL,            -- the snapshot
    object VARCHAR NOT NULL,                -- the object
    record VARCHAR NOT NULL,                -- the record's key; empty for left_out
    kind VARCHAR NOT NULL,                  -- created, updated, deleted; filled: a new column; merged: into which; left_out: counts of rows not read
    fields JSON,                            -- its declared fields as typed by the snapshot; null when deleted
    seal UBIGINT NOT NULL                   -- hash of the row
);

-- One row is what one evaluation was the first to see of one table that is filled from outside.
CREATE TABLE inputs.totals (
    evaluation_id BIGINT NOT NULL,          -- the evaluation
    source VARCHAR NOT NULL,                -- the table
    row_count BIGINT NOT NULL,              -- rows that no evaluation had seen before
    rows_hash VARCHAR NOT NULL              -- hash of their seals
);

-- the apply whose catalog was read
ALTER TABLE journal.snapshots ADD COLUMN project_id BIGINT;

-- rows of inputs.records that it kept; null: before inputs were kept
ALTER TABLE journal.snapshots ADD COLUMN kept_count BIGINT;

-- hash of what it kept and of the hash before
ALTER TABLE journal.snapshots ADD COLUMN chain_hash VARCHAR;

-- hash of its files, of when and by whom, and of the hash before
ALTER TABLE live.projects ADD COLUMN chain_hash VARCHAR;

-- hash of its instant, snapshot and apply; null: before inputs were kept
ALTER TABLE journal.evaluations ADD COLUMN seal UBIGINT;

-- the first evaluation that saw it; null: none yet
ALTER TABLE journal.commands ADD COLUMN seen_by BIGINT;

-- hash of the order as it was given
ALTER TABLE journal.commands ADD COLUMN seal UBIGINT;

-- the first evaluation that saw it; null: none yet
ALTER TABLE inbox.results ADD COLUMN seen_by BIGINT;

-- hash of the row
ALTER TABLE inbox.results ADD COLUMN seal UBIGINT;

-- the first evaluation that saw it; null: none yet
ALTER TABLE state.suppressions ADD COLUMN seen_by BIGINT;

-- hash of the row
ALTER TABLE state.suppressions ADD COLUMN seal UBIGINT;

-- the first evaluation that saw it; null: none yet
ALTER TABLE outbox.attempts ADD COLUMN seen_by BIGINT;

-- hash of the row
ALTER TABLE outbox.attempts ADD COLUMN seal UBIGINT;

-- the first evaluation that saw it; null: none yet
ALTER TABLE outbox.batches ADD COLUMN seen_by BIGINT;

-- hash of the row
ALTER TABLE outbox.batches ADD COLUMN seal UBIGINT;

-- Seals: JSON tells a missing value from an empty one, and instants are numbers, so that no setting of a session matters.
CREATE MACRO main.seal_of_record(snapshot_id, object, record, kind, fields) AS md5_number_lower(
    CAST(to_json([CAST(snapshot_id AS VARCHAR), object, record, kind, CAST(fields AS VARCHAR)]) AS VARCHAR)
);

CREATE MACRO main.seal_of_command(command_id, given_at, given_by, command, workflow, record, step_id) AS md5_number_lower(
    CAST(to_json([command_id, CAST(epoch_us(given_at) AS VARCHAR), given_by, command, workflow, record, step_id]) AS VARCHAR)
);

CREATE MACRO main.seal_of_result(action_id, result, value, recipient, happened_at, received_at) AS md5_number_lower(
    CAST(to_json([action_id, result, value, recipient, CAST(epoch_us(happened_at) AS VARCHAR), CAST(epoch_us(received_at) AS VARCHAR)]) AS VARCHAR)
);

CREATE MACRO main.seal_of_suppression(object, recipient, since, reason) AS md5_number_lower(
    CAST(to_json([object, recipient, CAST(epoch_us(since) AS VARCHAR), reason]) AS VARCHAR)
);

CREATE MACRO main.seal_of_attempt(action_id, attempt, batch_id, attempted_at, outcome, message) AS md5_number_lower(
    CAST(to_json([action_id, CAST(attempt AS VARCHAR), batch_id, CAST(epoch_us(attempted_at) AS VARCHAR), outcome, message]) AS VARCHAR)
);

CREATE MACRO main.seal_of_batch(batch_id, sink, kind, evaluation_id, action_count, checksum, location, written_at) AS md5_number_lower(
    CAST(to_json([batch_id, sink, kind, CAST(evaluation_id AS VARCHAR), CAST(action_count AS VARCHAR), checksum, location, CAST(epoch_us(written_at) AS VARCHAR)]) AS VARCHAR)
);

CREATE MACRO main.seal_of_evaluation(evaluation_id, as_of, snapshot_id, project_id) AS md5_number_lower(
    CAST(to_json([evaluation_id, epoch_us(as_of), snapshot_id, project_id]) AS VARCHAR)
);

CREATE MACRO main.chain_of_project(previous, project_id, files, applied_at, applied_by) AS md5(
    CAST(to_json([previous, CAST(project_id AS VARCHAR), CAST(files AS VARCHAR), CAST(epoch_us(applied_at) AS VARCHAR), applied_by]) AS VARCHAR)
);

CREATE MACRO main.chain_of_snapshot(previous, snapshot_id, as_of, project_id, kept_count, seals) AS md5(
    concat_ws('|', COALESCE(previous, ''), snapshot_id, epoch_us(as_of), COALESCE(CAST(project_id AS VARCHAR), ''), kept_count, seals)
);

-- What was applied before is chained now.
UPDATE live.projects AS p
SET chain_hash = c.chain_hash
FROM (
    WITH RECURSIVE chained AS (
        SELECT project_id, chain_of_project(NULL, project_id, files, applied_at, applied_by) AS chain_hash
        FROM live.projects WHERE project_id = 1
        UNION ALL
        SELECT n.project_id, chain_of_project(b.chain_hash, n.project_id, n.files, n.applied_at, n.applied_by)
        FROM chained AS b JOIN live.projects AS n ON n.project_id = b.project_id + 1
    )
    SELECT project_id, chain_hash FROM chained
) AS c
WHERE c.project_id = p.project_id;
