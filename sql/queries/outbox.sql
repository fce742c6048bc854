-- [due_kinds] The kinds of planned actions whose time has come.
SELECT DISTINCT kind FROM outbox.actions WHERE status = 'planned' AND send_after <= $now ORDER BY kind;

-- [deliverable] Planned actions of some kinds whose time has come, with their content, in the order of batches.
SELECT
    a.action_id, a.workflow, a.step_id, a.object, a.record, a.recipient, a.kind, a.evaluation_id,
    a.planned_at, a.due_at, a.values AS found, c.body, a.attempt_count, a.first_attempt_at, a.payload_hash
FROM outbox.actions AS a
JOIN live.contents AS c ON c.content_id = a.content_id
JOIN state.participants AS p ON p.participant_id = a.participant_id
LEFT JOIN live.workflows AS w ON w.workflow = a.workflow AND w.is_current
WHERE a.status = 'planned' AND a.kind IN (SELECT unnest($kinds))
    AND a.send_after <= $now AND (a.retry_at IS NULL OR a.retry_at <= $now)
    -- whoever is paused or in error gets nothing meanwhile, and the archive sends nothing
    AND p.status NOT IN ('paused', 'error') AND w.state IS DISTINCT FROM 'archived'
    -- a message that is late waits until its window is open again and no calendar closes the day
    AND (
        $in_time OR a.zone IS NULL OR $now < a.send_after + to_hours(1)
        OR (
            EXISTS (
                SELECT 1 FROM live.windows AS x
                WHERE x.schedule_id = w.schedule_id AND x.weekday = isodow($now AT TIME ZONE a.zone)
                    AND x.from_minute <= hour($now AT TIME ZONE a.zone) * 60 + minute($now AT TIME ZONE a.zone)
                    AND x.to_minute > hour($now AT TIME ZONE a.zone) * 60 + minute($now AT TIME ZONE a.zone)
            )
            AND (
                a.kind = 'call' OR a.status_reason IS NOT DISTINCT FROM 'approved'
                OR NOT EXISTS (
                    SELECT 1 FROM live.workflow_calendars AS k
                    JOIN live.blackouts AS b ON b.calendar = k.calendar
                    WHERE k.workflow = a.workflow
                        AND is_blacked_out(CAST($now AT TIME ZONE a.zone AS DATE), b.first_date, b.last_date, b.is_yearly)
                )
            )
        )
    )
ORDER BY a.evaluation_id, a.kind, a.action_id
LIMIT $at_most;

-- [claim_actions] Actions that are about to be handed over.
UPDATE outbox.actions AS a
SET status = 'claimed', status_at = $now
FROM claiming AS c
WHERE c.action_id = a.action_id;

-- [give_back] Actions that were claimed and not handed over.
UPDATE outbox.actions AS a
SET status = 'planned', status_at = $now
FROM claiming AS c
WHERE c.action_id = a.action_id AND a.status = 'claimed';

-- [open_deliveries] Actions that a delivery left claimed, and those that the journal knows of and the outbox takes for planned.
SELECT action_id, kind, status, first_attempt_at
FROM outbox.actions
WHERE status = 'claimed' OR (status = 'planned' AND action_id IN (SELECT action_id FROM journalled));

-- [mark_actions] What became of actions.
UPDATE outbox.actions AS a
SET
    status = d.status,
    status_at = $now,
    status_reason = CASE d.status WHEN 'planned' THEN a.status_reason ELSE d.message END,
    retry_at = d.retry_at,
    payload_hash = COALESCE(a.payload_hash, d.payload_hash),
    attempt_count = greatest(a.attempt_count, d.attempt),
    first_attempt_at = COALESCE(a.first_attempt_at, $now)
FROM delivered AS d
WHERE d.action_id = a.action_id;

-- [note_attempts] One row for each try.
INSERT INTO outbox.attempts BY NAME
SELECT d.action_id, d.attempt, d.batch_id, d.sink, $now AS attempted_at, d.outcome, d.message, d.code, d.provider_id
FROM delivered AS d
WHERE NOT EXISTS (SELECT 1 FROM outbox.attempts AS t WHERE t.action_id = d.action_id AND t.attempt = d.attempt);

-- [journal_position] How far the warehouse has read the delivery journal.
SELECT file, position FROM outbox.journal;

-- [note_position] The same, from now on.
INSERT OR REPLACE INTO outbox.journal VALUES (1, $file, $position);

-- [drop_suppressed] Whoever is suppressed by now gets nothing.
UPDATE outbox.actions AS a
SET status = 'dropped', status_at = $now, status_reason = 'suppressed'
FROM live.workflows AS w
WHERE w.workflow = a.workflow AND w.version = a.version
    AND a.status = 'planned' AND a.send_after <= $now AND a.kind IN ('email', 'sms', 'call')
    AND EXISTS (
        SELECT 1 FROM state.suppressions AS s
        WHERE s.object = w.recipient_object AND s.recipient = a.recipient AND s.since <= $now
    );

-- [drop_expired] What is too old says something that is no longer so: emails after three days, text messages after one.
UPDATE outbox.actions AS a
SET status = 'dropped', status_at = $now, status_reason = 'expired'
WHERE a.status = 'planned' AND NOT $in_time
    AND a.send_after < $now - CASE a.kind WHEN 'email' THEN to_days(3) WHEN 'sms' THEN to_days(1) WHEN 'notify' THEN to_days(3) END;

-- [uncertain] Actions of which nobody knows whether they were done, oldest first.
SELECT action_id, workflow, record, recipient, step_id, kind, status_at, status_reason
FROM outbox.actions
WHERE status = 'uncertain'
ORDER BY status_at, action_id;

-- [resolve] What a person found out about an action whose outcome was unknown.
UPDATE outbox.actions
SET status = $status, status_at = $now, status_reason = $reason, retry_at = NULL,
    send_after = CASE $status WHEN 'planned' THEN $now ELSE send_after END
WHERE action_id = $action_id AND status = 'uncertain';

-- [due_days] Ends of the days on which planned actions come due before an instant; the last one is just before it.
SELECT DISTINCT least(date_trunc('day', send_after) + to_days(1), CAST($until AS TIMESTAMPTZ) - to_minutes(1)) AS day
FROM outbox.actions
WHERE status = 'planned' AND send_after < CAST($until AS TIMESTAMPTZ) - to_minutes(1)
ORDER BY day;
