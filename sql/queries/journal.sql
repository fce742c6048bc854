-- [last_snapshot] The latest snapshot.
SELECT snapshot_id, as_of FROM journal.snapshots ORDER BY snapshot_id DESC LIMIT 1;

-- [first_snapshot] The first snapshot of all.
SELECT as_of FROM journal.snapshots ORDER BY snapshot_id LIMIT 1;

-- [tracked_later] Fields that are tracked only since a later snapshot than their object's first one.
SELECT object || '.' || field AS field, since FROM journal.tracked_fields ORDER BY object, field;

-- [snapshot_counts] What a snapshot found, object by object.
SELECT object, record_count, created_count, updated_count, deleted_count, null_key_count, duplicate_count, unreadable_count,
    COALESCE(row_count, 0) AS row_count, COALESCE(is_partial, FALSE) AS is_partial
FROM journal.snapshot_objects
WHERE snapshot_id = $snapshot_id
ORDER BY object;

-- [usual_counts] What the last seven whole reads of each object gave: the median, and the last.
SELECT
    object,
    COUNT(*) AS read_count,
    MEDIAN(row_count) AS usual_rows,
    arg_max(row_count, snapshot_id) AS last_rows,
    MEDIAN(null_key_count / greatest(row_count, 1)) AS usual_keyless,
    arg_max(null_key_count / greatest(row_count, 1), snapshot_id) AS last_keyless
FROM (
    SELECT * FROM journal.snapshot_objects
    WHERE row_count IS NOT NULL AND NOT is_partial
    QUALIFY ROW_NUMBER() OVER (PARTITION BY object ORDER BY snapshot_id DESC) <= 7
)
GROUP BY object;

-- [last_evaluation] The latest evaluation, and the instants of the snapshots that it and the one before it read.
SELECT e.evaluation_id, e.as_of, e.snapshot_id, e.project_id, e.chain_hash, s.as_of AS snapshot_as_of, t.as_of AS snapshot_before
FROM journal.evaluations AS e
JOIN journal.snapshots AS s ON s.snapshot_id = e.snapshot_id
LEFT JOIN journal.evaluations AS b ON b.evaluation_id = e.evaluation_id - 1
LEFT JOIN journal.snapshots AS t ON t.snapshot_id = b.snapshot_id
ORDER BY e.evaluation_id DESC
LIMIT 1;

-- [record_count] How many records the latest snapshot found.
SELECT COALESCE(SUM(record_count), 0) AS records
FROM journal.snapshot_objects
WHERE snapshot_id = (SELECT MAX(snapshot_id) FROM journal.snapshots);

-- [pending_state_orders] Is any workflow as a whole about to be enabled, stopped or archived.
SELECT COUNT(*) AS orders
FROM journal.commands
WHERE taken_at IS NULL AND given_at <= $as_of AND record IS NULL;

-- [evaluation] One evaluation's counts.
SELECT evaluation_id, as_of, snapshot_id, entered_count, left_count, completed_count, moved_count, planned_count, refused_count, chain_hash
FROM journal.evaluations
WHERE evaluation_id = $evaluation_id;

-- [workflow_counts] What an evaluation did, workflow by workflow.
SELECT workflow, qualifying_count, entered_count, heldout_count, refused_count, left_count, completed_count, inside_count, planned_count
FROM journal.workflow_counts
WHERE evaluation_id = $evaluation_id
ORDER BY workflow;

-- [totals] Everything so far, workflow by workflow.
SELECT
    w.workflow,
    w.state,
    COUNT(p.participant_id) AS entered_count,
    COUNT(CASE WHEN p.arm = 'holdout' THEN 1 END) AS heldout_count,
    COUNT(CASE WHEN p.left_at IS NULL THEN p.participant_id END) AS inside_count,
    COUNT(CASE WHEN p.status = 'exited' THEN 1 END) AS left_count,
    COUNT(CASE WHEN p.status = 'completed' THEN 1 END) AS completed_count,
    COUNT(p.objective_met_at) AS met_count
FROM live.workflows AS w
LEFT JOIN state.participants AS p ON p.workflow = w.workflow
WHERE w.is_current
GROUP BY w.workflow, w.state
ORDER BY w.workflow;

-- [action_totals] Actions so far by kind and status.
SELECT kind, status, COUNT(*) AS action_count
FROM outbox.actions
GROUP BY kind, status
ORDER BY kind, status;

-- [columns] Every table's columns.
SELECT schema_name, table_name, column_name, data_type
FROM duckdb_columns()
WHERE NOT internal AND database_name IN (current_database(), 'temp')
ORDER BY schema_name, table_name, column_index;

-- [objectives] Every workflow's headline as the report states it.
SELECT
    workflow_id AS workflow, entered_count, holdout_count, active_count, exited_count, completed_count,
    matured_count, matured_met_count, met_share, met_lo, met_hi, objective_name
FROM report.workflow_overview
ORDER BY workflow_id;

-- [known_commands] Which of some orders are written down already.
SELECT command_id FROM journal.commands WHERE command_id IN (SELECT UNNEST($ids));

-- [latest_commands] The latest orders.
SELECT given_at, given_by, command, workflow, record, step_id, outcome, reason
FROM journal.commands ORDER BY given_at DESC, command_id LIMIT $limit;

-- [seal_commands] Orders are sealed as they are given; those of steps by the evaluation that takes them up.
UPDATE journal.commands
SET seal = seal_of_command(command_id, given_at, given_by, command, workflow, record, step_id, given_number)
WHERE seal IS NULL AND given_by NOT LIKE '(step) %';

-- [note_snapshot] The snapshot itself, with the hash of what it kept, chained to the one before.
INSERT INTO journal.snapshots BY NAME
SELECT snapshot_id, as_of, project_id, kept_count, chain_of_snapshot(
    (SELECT chain_hash FROM journal.snapshots WHERE snapshot_id = $snapshot_id - 1), snapshot_id, as_of, project_id, kept_count, seals
) AS chain_hash
FROM (
    SELECT
        $snapshot_id AS snapshot_id,
        CAST($as_of AS TIMESTAMPTZ) AS as_of,
        (SELECT MAX(project_id) FROM live.projects) AS project_id,
        COUNT(*) AS kept_count,
        SUM(seal) AS seals
    FROM inputs.records
    WHERE snapshot_id = $snapshot_id
);

-- [forget_quarantine] What was put aside is kept for a hundred snapshots.
DELETE FROM journal.quarantine WHERE snapshot_id <= $snapshot_id - 100;
