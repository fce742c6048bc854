-- [applies_between] Applies after one, up to another.
SELECT project_id, files, applied_at, applied_by FROM live.projects
WHERE project_id > $after AND project_id <= $until
ORDER BY project_id;

-- [snapshots_between] Snapshots after one, up to another.
SELECT snapshot_id, as_of, project_id, kept_count FROM journal.snapshots
WHERE snapshot_id > $after AND snapshot_id <= $until
ORDER BY snapshot_id;

-- [evaluations_between] Evaluations after one, up to another.
SELECT evaluation_id, as_of, snapshot_id, project_id, chain_hash, seal FROM journal.evaluations
WHERE evaluation_id > $after AND evaluation_id <= $until
ORDER BY evaluation_id;

-- [reached] The numbers of the last apply, snapshot and evaluation; 0 for none.
SELECT
    (SELECT COALESCE(MAX(project_id), 0) FROM live.projects) AS project_id,
    (SELECT COALESCE(MAX(snapshot_id), 0) FROM journal.snapshots) AS snapshot_id,
    (SELECT COALESCE(MAX(evaluation_id), 0) FROM journal.evaluations) AS evaluation_id;

-- [kept_since] The first evaluation from which on the records of all snapshots were kept, and are there still.
SELECT COALESCE(MAX(e.evaluation_id), 0) + 1 AS evaluation_id
FROM journal.evaluations AS e
JOIN journal.snapshots AS s ON s.snapshot_id = e.snapshot_id
WHERE (s.kept_count IS NULL AND s.chain_hash IS NULL)
    OR (s.kept_count > 0 AND s.snapshot_id < (SELECT COALESCE(MIN(snapshot_id), 9223372036854775807) FROM inputs.records));

-- [arriving_records] What a snapshot kept.
SELECT object, record, kind, fields FROM inputs.records WHERE snapshot_id = $snapshot_id;

-- [arriving] The tables in which an evaluation was the first to see something.
SELECT source FROM inputs.totals WHERE evaluation_id = $evaluation_id;

-- [unshown] Does a snapshot keep anything that its records do not show.
SELECT COUNT(*) AS row_count FROM inputs.records WHERE snapshot_id = $snapshot_id AND kind IN ('merged', 'left_out');

-- [arriving_commands] The orders of people that an evaluation was the first to see; those of steps are made again.
SELECT command_id, given_at, given_by, command, workflow, record, step_id, given_number, seal FROM journal.commands
WHERE seen_by IS NOT DISTINCT FROM $evaluation_id AND given_by NOT LIKE '(step) %';

-- [arriving_results] The results that it was the first to see.
SELECT action_id, result, value, recipient, happened_at, received_at, source, event_id, bounce, seal FROM inbox.results
WHERE seen_by IS NOT DISTINCT FROM $evaluation_id;

-- [arriving_suppressions] The suppressions.
SELECT object, recipient, since, reason, seal FROM state.suppressions
WHERE seen_by IS NOT DISTINCT FROM $evaluation_id;

-- [arriving_attempts] The tries at delivery.
SELECT action_id, attempt, batch_id, attempted_at, outcome, message, sink, code, provider_id, payload_hash, retry_at, seal FROM outbox.attempts
WHERE seen_by IS NOT DISTINCT FROM $evaluation_id;

-- [arriving_batches] The batches.
SELECT batch_id, sink, kind, evaluation_id, action_count, checksum, location, written_at, seal FROM outbox.batches
WHERE seen_by IS NOT DISTINCT FROM $evaluation_id;

-- [follow_attempts] The status that tries at delivery gave to their actions.
UPDATE outbox.actions AS a
SET
    status = status_after_try(t.outcome),
    status_at = t.attempted_at,
    status_reason = CASE WHEN status_after_try(t.outcome) = 'planned' THEN a.status_reason ELSE t.message END
FROM (
    SELECT action_id, outcome, attempted_at, message FROM outbox.attempts WHERE seen_by IS NULL
    QUALIFY ROW_NUMBER() OVER (PARTITION BY action_id ORDER BY attempt DESC) = 1
) AS t
WHERE t.action_id = a.action_id;

-- [keep_again] What a snapshot kept and its records do not show: merges, and counts of rows that were not read.
INSERT INTO inputs.records
SELECT $snapshot_id, object, record, kind, fields, seal_of_record($snapshot_id, object, record, kind, fields)
FROM arriving_records
WHERE kind IN ('merged', 'left_out');

-- [merge_again] Which records were merged into others.
MERGE INTO crm.merges AS m
USING (SELECT object, record AS loser, fields ->> '$.survivor' AS survivor FROM arriving_records WHERE kind = 'merged') AS a
ON m.object = a.object AND m.loser = a.loser
WHEN MATCHED THEN UPDATE SET survivor = a.survivor, seen_at = CAST($as_of AS TIMESTAMPTZ)
WHEN NOT MATCHED THEN INSERT VALUES (a.object, a.loser, a.survivor, CAST($as_of AS TIMESTAMPTZ));

-- [count_again] How many rows were not read.
UPDATE journal.snapshot_objects AS o
SET
    null_key_count = CAST(a.fields ->> '$.null_key_count' AS BIGINT),
    duplicate_count = CAST(a.fields ->> '$.duplicate_count' AS BIGINT),
    unreadable_count = CAST(a.fields ->> '$.unreadable_count' AS BIGINT)
FROM arriving_records AS a
WHERE a.kind = 'left_out' AND a.object = o.object AND o.snapshot_id = $snapshot_id;

-- [forget_snapshot] Make room for the snapshot's row, with the hash of all that it kept.
DELETE FROM journal.snapshots WHERE snapshot_id = $snapshot_id;

-- [broken_seals] Rows from outside that are not what was sealed, and what they are now.
SELECT source, key, columns, row FROM (
    SELECT
        'inputs.records' AS source, concat_ws(', ', 'snapshot ' || snapshot_id, object, record, kind) AS key,
        'fields' AS columns, CAST(fields AS VARCHAR) AS row, seal, seal_of_record(snapshot_id, object, record, kind, fields) AS due
    FROM inputs.records WHERE snapshot_id > $snapshot_id
    UNION ALL
    SELECT
        'journal.commands', command_id, 'given_at, given_by, command, workflow, record, step_id, given_number',
        concat_ws(', ', given_at, given_by, command, workflow, record, step_id, given_number), seal,
        CASE WHEN seal IS NOT NULL OR seen_by IS NOT NULL THEN seal_of_command(command_id, given_at, given_by, command, workflow, record, step_id, given_number) END
    FROM journal.commands
    UNION ALL
    SELECT
        'inbox.results', concat_ws(', ', action_id, result, happened_at), 'result, value, recipient, happened_at, received_at, source, event_id, bounce',
        concat_ws(', ', result, value, recipient, happened_at, received_at, source, event_id, bounce), seal,
        CASE WHEN seal IS NOT NULL OR seen_by IS NOT NULL THEN seal_of_result(action_id, result, value, recipient, happened_at, received_at, source, event_id, bounce) END
    FROM inbox.results
    UNION ALL
    SELECT
        'state.suppressions', concat_ws(', ', object, recipient), 'object, recipient, since, reason',
        concat_ws(', ', object, recipient, since, reason), seal,
        CASE WHEN seal IS NOT NULL OR seen_by IS NOT NULL THEN seal_of_suppression(object, recipient, since, reason) END
    FROM state.suppressions
    UNION ALL
    SELECT
        'outbox.attempts', concat_ws(', ', action_id, attempt), 'batch_id, attempted_at, outcome, message, sink, code, provider_id, payload_hash, retry_at',
        concat_ws(', ', batch_id, attempted_at, outcome, message, sink, code, provider_id, payload_hash, retry_at), seal,
        CASE WHEN seal IS NOT NULL OR seen_by IS NOT NULL THEN seal_of_attempt(action_id, attempt, batch_id, attempted_at, outcome, message, sink, code, provider_id, payload_hash, retry_at) END
    FROM outbox.attempts
    UNION ALL
    SELECT
        'outbox.batches', batch_id, 'sink, kind, evaluation_id, action_count, checksum, location, written_at',
        concat_ws(', ', sink, kind, evaluation_id, action_count, checksum, location, written_at), seal,
        CASE WHEN seal IS NOT NULL OR seen_by IS NOT NULL THEN seal_of_batch(batch_id, sink, kind, evaluation_id, action_count, checksum, location, written_at) END
    FROM outbox.batches
    UNION ALL
    SELECT
        'journal.evaluations', 'evaluation_id ' || evaluation_id, 'as_of, snapshot_id, project_id',
        concat_ws(', ', as_of, snapshot_id, project_id), seal, seal_of_evaluation(evaluation_id, as_of, snapshot_id, project_id)
    FROM journal.evaluations WHERE evaluation_id > $evaluation_id
)
WHERE seal IS DISTINCT FROM due
ORDER BY source, key;

-- [broken_totals] Rows from outside that are gone or too many: what evaluations noted, and what is there.
SELECT COALESCE(t.source, r.source) AS source, COALESCE(t.evaluation_id, r.evaluation_id) AS evaluation_id, t.row_count AS noted_count, r.row_count
FROM inputs.totals AS t
FULL JOIN (
    SELECT source, seen_by AS evaluation_id, COUNT(*) AS row_count, md5(CAST(SUM(seal) AS VARCHAR)) AS rows_hash
    FROM (
        SELECT 'journal.commands' AS source, seen_by, seal FROM journal.commands
        UNION ALL
        SELECT 'inbox.results', seen_by, seal FROM inbox.results
        UNION ALL
        SELECT 'state.suppressions', seen_by, seal FROM state.suppressions
        UNION ALL
        SELECT 'outbox.attempts', seen_by, seal FROM outbox.attempts
        UNION ALL
        SELECT 'outbox.batches', seen_by, seal FROM outbox.batches
    )
    WHERE seen_by IS NOT NULL
    GROUP BY source, seen_by
) AS r ON r.source = t.source AND r.evaluation_id = t.evaluation_id
WHERE t.row_count IS DISTINCT FROM r.row_count OR t.rows_hash IS DISTINCT FROM r.rows_hash
ORDER BY evaluation_id, source;

-- [broken_snapshots] Snapshots whose kept rows, instant or apply are not what was chained.
SELECT s.snapshot_id, s.kept_count AS noted_count, COALESCE(r.kept_count, 0) AS row_count
FROM journal.snapshots AS s
LEFT JOIN (
    SELECT snapshot_id, COUNT(*) AS kept_count, SUM(seal) AS seals FROM inputs.records GROUP BY snapshot_id
) AS r ON r.snapshot_id = s.snapshot_id
LEFT JOIN journal.snapshots AS b ON b.snapshot_id = s.snapshot_id - 1
WHERE s.snapshot_id > $snapshot_id
    AND s.chain_hash IS DISTINCT FROM chain_of_snapshot(b.chain_hash, s.snapshot_id, s.as_of, s.project_id, COALESCE(r.kept_count, 0), r.seals)
ORDER BY s.snapshot_id;

-- [broken_applies] Applies whose files, time or author are not what was chained.
SELECT p.project_id, p.files, p.fingerprint, concat_ws(', ', p.applied_at, p.applied_by) AS row
FROM live.projects AS p
LEFT JOIN live.projects AS b ON b.project_id = p.project_id - 1
WHERE p.project_id > $project_id
    AND p.chain_hash IS DISTINCT FROM chain_of_project(b.chain_hash, p.project_id, p.files, p.applied_at, p.applied_by)
ORDER BY p.project_id;

-- [forget_records] A start needs no kept records: it holds what they lead to.
DELETE FROM inputs.records;

-- [start_without_commands] What no evaluation has seen arrives when one does: orders of people,
DELETE FROM journal.commands WHERE seen_by IS NULL AND given_by NOT LIKE '(step) %';

-- [start_without_results] results,
DELETE FROM inbox.results WHERE seen_by IS NULL;

-- [start_without_suppressions] suppressions,
DELETE FROM state.suppressions WHERE seen_by IS NULL;

-- [start_without_attempts] tries at delivery,
DELETE FROM outbox.attempts WHERE seen_by IS NULL;

-- [start_without_batches] and batches.
DELETE FROM outbox.batches WHERE seen_by IS NULL;
