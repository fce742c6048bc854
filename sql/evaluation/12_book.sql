-- [count_workflows] What this evaluation did, workflow by workflow.
INSERT INTO journal.workflow_counts
SELECT
    $evaluation_id,
    workflow,
    COUNT(CASE WHEN fact = 'qualifying' THEN 1 END),
    COUNT(CASE WHEN fact IN ('holdout', 'treatment') THEN 1 END),
    COUNT(CASE WHEN fact = 'holdout' THEN 1 END),
    COUNT(CASE WHEN fact = 'refused' THEN 1 END),
    COUNT(CASE WHEN fact = 'exited' THEN 1 END),
    COUNT(CASE WHEN fact = 'completed' THEN 1 END),
    COUNT(CASE WHEN fact = 'inside' THEN 1 END),
    COUNT(CASE WHEN fact = 'planned' THEN 1 END)
FROM (
    SELECT workflow, 'live' AS fact FROM live.workflows WHERE is_current
    UNION ALL
    SELECT substr(subject, 7), 'qualifying' FROM state.episodes WHERE matched_to IS NULL AND starts_with(subject, 'entry:')
    UNION ALL
    SELECT workflow, arm FROM entrants
    UNION ALL
    SELECT workflow, 'refused' FROM state.refusals WHERE refused_from = $as_of
    UNION ALL
    SELECT workflow, CASE WHEN left_at IS NULL THEN 'inside' ELSE status END
    FROM state.open_participants WHERE left_at IS NULL OR left_at = $as_of
    UNION ALL
    SELECT workflow, 'planned' FROM planned
)
GROUP BY workflow
HAVING BOOL_OR(fact = 'live');

-- [book] The evaluation itself, chained to the one before by a hash of everything it read and wrote.
INSERT INTO journal.evaluations
SELECT
    $evaluation_id,
    $as_of,
    $snapshot_id,
    $project_id,
    (SELECT COUNT(*) FROM entrants),
    (SELECT COUNT(*) FROM state.open_participants WHERE left_at = $as_of AND status = 'exited'),
    (SELECT COUNT(*) FROM state.open_participants WHERE left_at = $as_of AND status = 'completed'),
    (SELECT COUNT(*) FROM moves WHERE outcome = 'rest'),
    (SELECT COUNT(*) FROM planned),
    (SELECT COUNT(*) FROM state.refusals WHERE refused_from = $as_of),
    $seconds,
    (
        -- sums and counts of row hashes do not depend on the order in which rows come
        SELECT md5(concat_ws('|', $previous_chain, epoch_us($as_of), COUNT(*), SUM(md5_number_lower(line))))
        FROM (
            SELECT concat_ws('|', 't', participant_id, sequence, kind, from_step, to_step, hop_id, epoch_us(due_at), reason) AS line
            FROM state.transitions WHERE evaluation_id = $evaluation_id
            UNION ALL
            SELECT concat_ws('|', 'c', command_id, outcome, reason)
            FROM journal.commands WHERE taken_at = $as_of
            UNION ALL
            SELECT concat_ws('|', 'a', action_id, participant_id, step_id, kind, content_id, "values", recipient, epoch_us(due_at), epoch_us(send_after), zone, zone_rule, send_rule, sender, status_reason)
            FROM outbox.actions WHERE evaluation_id = $evaluation_id
            UNION ALL
            SELECT concat_ws('|', 's', action_id, rule, epoch_us(from_at), epoch_us(to_at))
            FROM outbox.shifts WHERE evaluation_id = $evaluation_id
            UNION ALL
            SELECT concat_ws('|', 'e', subject, object, record, occasion, epoch_us(matched_from), epoch_us(matched_to))
            FROM state.episodes WHERE matched_from = $as_of OR matched_to = $as_of
            UNION ALL
            SELECT concat_ws('|', 'f', workflow, record, occasion, reason, detail, epoch_us(refused_from), epoch_us(refused_to))
            FROM state.refusals WHERE refused_from = $as_of OR refused_to = $as_of
            UNION ALL
            SELECT concat_ws('|', 'o', participant_id, is_met, measure)
            FROM state.observations WHERE observed_at = $as_of
            UNION ALL
            SELECT concat_ws('|', 'i', source, row_count, rows_hash)
            FROM inputs.totals WHERE evaluation_id = $evaluation_id
            UNION ALL
            -- the chains of snapshots and applies hold whatever was kept before
            SELECT concat_ws('|', 'n', chain_hash) FROM journal.snapshots WHERE snapshot_id = $snapshot_id
            UNION ALL
            SELECT concat_ws('|', 'p', chain_hash) FROM live.projects WHERE project_id = $project_id
        )
    ),
    seal_of_evaluation($evaluation_id, $as_of, $snapshot_id, $project_id);

-- [closing if state.open_participants] Passages that are over: left at an earlier evaluation, and no longer observed.
CREATE OR REPLACE TEMP TABLE closing AS
SELECT participant_id
FROM state.open_participants
WHERE left_at < $as_of AND watched_until < $as_of;

-- [close if closing] They are kept apart: what evaluations ask and change does not grow with them.
INSERT INTO state.closed_participants BY NAME
SELECT p.*
FROM state.open_participants AS p
JOIN closing AS c ON c.participant_id = p.participant_id;

-- [clear_closed if closing] Each is in one place.
DELETE FROM state.open_participants
WHERE participant_id IN (SELECT participant_id FROM closing);
