-- [count_workflows] What this evaluation did, workflow by workflow.
INSERT INTO journal.workflow_counts
SELECT
    $evaluation_id,
    w.workflow,
    COALESCE(q.qualifying_count, 0),
    COALESCE(n.entered_count, 0),
    COALESCE(n.heldout_count, 0),
    COALESCE(f.refused_count, 0),
    COALESCE(g.left_count, 0),
    COALESCE(g.completed_count, 0),
    COALESCE(i.inside_count, 0),
    COALESCE(a.planned_count, 0)
FROM (SELECT DISTINCT workflow FROM live.workflows WHERE is_current) AS w
LEFT JOIN (
    SELECT subject, COUNT(*) AS qualifying_count FROM state.episodes WHERE matched_to IS NULL GROUP BY subject
) AS q ON q.subject = 'entry:' || w.workflow
LEFT JOIN (
    SELECT workflow, COUNT(*) AS entered_count, COUNT(CASE WHEN arm = 'holdout' THEN 1 END) AS heldout_count
    FROM entrants GROUP BY workflow
) AS n ON n.workflow = w.workflow
LEFT JOIN (
    SELECT workflow, COUNT(*) AS refused_count FROM state.refusals WHERE refused_from = $as_of GROUP BY workflow
) AS f ON f.workflow = w.workflow
LEFT JOIN (
    SELECT
        workflow,
        COUNT(CASE WHEN status = 'exited' THEN 1 END) AS left_count,
        COUNT(CASE WHEN status = 'completed' THEN 1 END) AS completed_count
    FROM state.participants WHERE left_at = $as_of GROUP BY workflow
) AS g ON g.workflow = w.workflow
LEFT JOIN (
    SELECT workflow, COUNT(*) AS inside_count FROM state.participants WHERE left_at IS NULL GROUP BY workflow
) AS i ON i.workflow = w.workflow
LEFT JOIN (
    SELECT workflow, COUNT(*) AS planned_count FROM planned GROUP BY workflow
) AS a ON a.workflow = w.workflow;

-- [book] The evaluation itself, chained to the one before by a hash of everything it read and wrote.
INSERT INTO journal.evaluations
SELECT
    $evaluation_id,
    $as_of,
    $snapshot_id,
    $project_id,
    (SELECT COUNT(*) FROM entrants),
    (SELECT COUNT(*) FROM state.participants WHERE left_at = $as_of AND status = 'exited'),
    (SELECT COUNT(*) FROM state.participants WHERE left_at = $as_of AND status = 'completed'),
    (SELECT COUNT(*) FROM moves WHERE outcome = 'rest'),
    (SELECT COUNT(*) FROM planned),
    (SELECT COUNT(*) FROM state.refusals WHERE refused_from = $as_of),
    '{}',
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

-- [remember_states] The state of each workflow that has ever been enabled.
UPDATE state.workflows AS m
SET last_state = w.state
FROM live.workflows AS w
WHERE w.workflow = m.workflow AND w.is_current AND w.state IS DISTINCT FROM m.last_state;
