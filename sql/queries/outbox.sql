-- [deliverable] Planned actions whose time has come, with their content, in the order of batches.
SELECT
    a.action_id, a.workflow, a.step_id, a.object, a.record, a.recipient, a.kind, a.evaluation_id,
    a.planned_at, a.due_at, a.values AS found, c.body
FROM outbox.actions AS a
JOIN live.contents AS c ON c.content_id = a.content_id
JOIN state.participants AS p ON p.participant_id = a.participant_id
LEFT JOIN live.workflows AS w ON w.workflow = a.workflow AND w.is_current
-- whoever is paused or in error gets nothing meanwhile, and the archive sends nothing
WHERE a.status = 'planned' AND a.send_after <= $now
    AND p.status NOT IN ('paused', 'error') AND w.state IS DISTINCT FROM 'archived'
ORDER BY a.evaluation_id, a.kind, a.action_id;

-- [mark_actions] What became of the actions of a batch.
UPDATE outbox.actions AS a
SET status = d.outcome, status_at = $now, status_reason = d.message
FROM delivered AS d
WHERE d.action_id = a.action_id;

-- [note_attempts] One try at delivery for each action of a batch.
INSERT INTO outbox.attempts BY NAME
SELECT *, seal_of_attempt(action_id, attempt, batch_id, attempted_at, outcome, message) AS seal
FROM (
    SELECT
        d.action_id,
        CAST(1 + (SELECT COUNT(*) FROM outbox.attempts AS t WHERE t.action_id = d.action_id) AS INTEGER) AS attempt,
        d.batch_id,
        CAST($now AS TIMESTAMPTZ) AS attempted_at,
        d.outcome,
        d.message
    FROM delivered AS d
);

-- [seal_batches] A batch is sealed with the note that it was taken.
UPDATE outbox.batches
SET seal = seal_of_batch(batch_id, sink, kind, evaluation_id, action_count, checksum, location, written_at)
WHERE seal IS NULL;

-- [due_days] Ends of the days on which planned actions come due before an instant; the last one is just before it.
SELECT DISTINCT least(date_trunc('day', send_after) + to_days(1), CAST($until AS TIMESTAMPTZ) - to_minutes(1)) AS day
FROM outbox.actions
WHERE status = 'planned' AND send_after < CAST($until AS TIMESTAMPTZ) - to_minutes(1)
ORDER BY day;
