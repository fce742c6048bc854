-- [due_kinds] The kinds of planned actions whose time has come.
SELECT DISTINCT kind FROM outbox.actions WHERE status = 'planned' AND send_after <= $now ORDER BY kind;

-- [find_deliverable] Planned actions whose time has come and that may go out now. While one run delivers it only gets shorter.
CREATE OR REPLACE TEMP TABLE deliverable AS
WITH due AS (SELECT * FROM outbox.actions WHERE status = 'planned' AND send_after <= $now)
SELECT a.action_id, a.kind, a.evaluation_id, a.workflow, a.version, a.recipient, a.send_after
FROM due AS a
JOIN state.participants AS p ON p.participant_id = a.participant_id
LEFT JOIN live.workflows AS w ON w.workflow = a.workflow AND w.is_current
LEFT JOIN (
    SELECT action_id, arg_max_null(retry_at, attempt) AS retry_at
    FROM outbox.attempts
    WHERE action_id IN (SELECT action_id FROM due)
    GROUP BY action_id
) AS t ON t.action_id = a.action_id
WHERE (t.retry_at IS NULL OR t.retry_at <= $now)
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
    );

-- [leave_over_cap] Messages to a recipient who got, or is about to get, as many as the limit allows in this hour, day, week or month: they wait.
DELETE FROM deliverable
WHERE action_id IN (
    SELECT action_id
    FROM (
        SELECT d.action_id, d.kind, COALESCE(g.got_count, 0) + ROW_NUMBER() OVER (
            PARTITION BY w.recipient_object, d.recipient ORDER BY d.evaluation_id, d.send_after, d.action_id
        ) AS place
        FROM deliverable AS d
        JOIN live.workflows AS w ON w.workflow = d.workflow AND w.version = d.version
        LEFT JOIN (
            SELECT w.recipient_object, a.recipient, COUNT(*) AS got_count
            FROM outbox.actions AS a
            JOIN live.workflows AS w ON w.workflow = a.workflow AND w.version = a.version
            -- what may have been sent counts as sent
            WHERE a.kind IN ('email', 'sms') AND a.status IN ('sent', 'claimed', 'uncertain')
                AND (a.status = 'claimed' OR (
                    a.status_at >= CAST($now AS TIMESTAMPTZ) - to_days(32)
                    AND unit_of($unit, a.status_at) = unit_of($unit, CAST($now AS TIMESTAMPTZ))
                ))
            GROUP BY w.recipient_object, a.recipient
        ) AS g ON g.recipient_object = w.recipient_object AND g.recipient = d.recipient
        WHERE d.kind IN ('email', 'sms') AND d.recipient IS NOT NULL
    )
    WHERE place > $at_most
);

-- [take_deliverable] Those of some kinds that are claimed next, in the order of batches.
CREATE OR REPLACE TEMP TABLE claiming AS
SELECT action_id FROM deliverable
WHERE kind IN (SELECT unnest($kinds))
ORDER BY evaluation_id, kind, action_id
LIMIT $at_most;

-- [forget_deliverable] They are taken.
DELETE FROM deliverable WHERE action_id IN (SELECT action_id FROM claiming);

-- [claim_actions] Actions that are about to be handed over.
UPDATE outbox.actions AS a SET status = 'claimed' FROM claiming AS c WHERE c.action_id = a.action_id;

-- [claimed] The same actions with their content and their tries, in the order of batches.
SELECT
    a.action_id, a.workflow, a.step_id, a.object, a.record, a.recipient, a.kind, a.evaluation_id,
    a.planned_at, a.due_at, a.values AS found, c.body,
    COALESCE(t.attempt_count, 0) AS attempt_count, t.first_attempt_at, t.payload_hash
FROM outbox.actions AS a
JOIN live.contents AS c ON c.content_id = a.content_id
LEFT JOIN (
    SELECT
        action_id,
        COUNT(payload_hash) AS attempt_count,
        MIN(attempted_at) AS first_attempt_at,
        MAX(payload_hash) AS payload_hash
    FROM outbox.attempts
    WHERE action_id IN (SELECT action_id FROM claiming)
    GROUP BY action_id
) AS t ON t.action_id = a.action_id
WHERE a.action_id IN (SELECT action_id FROM claiming)
ORDER BY a.evaluation_id, a.kind, a.action_id;

-- [give_back] Actions that were claimed and not handed over.
UPDATE outbox.actions AS a SET status = 'planned' FROM claiming AS c WHERE c.action_id = a.action_id AND a.status = 'claimed';

-- [note_given_back] Where an evaluation found them claimed, that they are planned again.
INSERT INTO outbox.attempts BY NAME
SELECT a.action_id, CAST(t.attempt + 1 AS INTEGER) AS attempt, '' AS batch_id, '' AS sink, a.status_at AS attempted_at, 'later' AS outcome
FROM outbox.actions AS a
JOIN claiming AS c ON c.action_id = a.action_id
JOIN (
    SELECT action_id, MAX(attempt) AS attempt, arg_max(outcome, attempt) AS outcome FROM outbox.attempts GROUP BY action_id
) AS t ON t.action_id = a.action_id
WHERE a.status = 'claimed' AND t.outcome = 'claimed';

-- [open_deliveries] Actions that a delivery left claimed, and those that the journal knows of and the outbox takes for planned.
SELECT a.action_id, a.kind, a.status, t.first_attempt_at
FROM outbox.actions AS a
LEFT JOIN (
    SELECT action_id, MIN(attempted_at) AS first_attempt_at FROM outbox.attempts GROUP BY action_id
) AS t ON t.action_id = a.action_id
WHERE a.status = 'claimed' OR (a.status = 'planned' AND a.action_id IN (SELECT action_id FROM journalled));

-- [mark_actions] What became of actions; those that are to be tried again are planned.
UPDATE outbox.actions AS a
SET
    status = status_after_try(d.outcome),
    status_at = $now,
    status_reason = CASE WHEN status_after_try(d.outcome) = 'planned' THEN a.status_reason ELSE d.message END
FROM delivered AS d
WHERE d.action_id = a.action_id;

-- [note_attempts] One row for each.
INSERT INTO outbox.attempts BY NAME
SELECT *, seal_of_attempt(action_id, attempt, batch_id, attempted_at, outcome, message, sink, code, provider_id, payload_hash, retry_at) AS seal
FROM (
    SELECT
        d.action_id,
        CAST(1 + COALESCE(t.attempt_count, 0) AS INTEGER) AS attempt,
        d.batch_id,
        CAST($now AS TIMESTAMPTZ) AS attempted_at,
        d.outcome,
        d.message,
        d.sink,
        d.code,
        d.provider_id,
        d.payload_hash,
        CAST(d.retry_at AS TIMESTAMPTZ) AS retry_at
    FROM delivered AS d
    LEFT JOIN (
        SELECT action_id, COUNT(*) AS attempt_count FROM outbox.attempts
        WHERE action_id IN (SELECT action_id FROM delivered)
        GROUP BY action_id
    ) AS t ON t.action_id = d.action_id
);

-- [seal_batches] A batch is sealed with the note that it was taken.
UPDATE outbox.batches
SET seal = seal_of_batch(batch_id, sink, kind, evaluation_id, action_count, checksum, location, written_at)
WHERE seal IS NULL;

-- [known_batches] The batches of some names that are noted already.
SELECT batch_id FROM outbox.batches WHERE batch_id IN (SELECT unnest($names));

-- [journal_position] How far the warehouse has read the delivery journal.
SELECT file, position FROM outbox.journal;

-- [note_position] The same, from now on.
INSERT OR REPLACE INTO outbox.journal VALUES (1, $file, $position);

-- [unwanted] Due messages of those who are suppressed by now or to where somebody else wants none, what is planned for those who left, and messages that are too old to be true.
WITH addressed AS (
    SELECT action_id, kind, "values" ->> '$."address.to"' AS address, TRUE AS is_due
    FROM outbox.actions
    WHERE status = 'planned' AND send_after <= $now AND kind IN ('email', 'sms')
    UNION ALL
    SELECT a.action_id, a.kind, a."values" ->> '$."address.to"', FALSE
    FROM inbox.results AS r
    JOIN outbox.actions AS a ON a.action_id = r.action_id
    WHERE (r.result IN ('unsubscribed', 'complained') OR (r.result = 'bounced' AND r.bounce = 'hard'))
        AND r.happened_at <= $now AND (r.recipient IS NULL OR r.recipient = a.recipient)
), places AS (
    SELECT
        action_id, kind, is_due,
        CASE kind WHEN 'email' THEN lower(trim(address)) ELSE regexp_replace(address, '[^0-9]', '', 'g') END AS place
    FROM addressed
)
SELECT a.action_id, 'suppressed' AS reason
FROM outbox.actions AS a
JOIN live.workflows AS w ON w.workflow = a.workflow AND w.version = a.version
WHERE a.status = 'planned' AND a.send_after <= $now AND a.kind IN ('email', 'sms', 'call')
    AND EXISTS (
        SELECT 1 FROM state.suppressions AS s
        WHERE s.object = w.recipient_object AND s.recipient = a.recipient AND s.since <= $now
    )
UNION ALL
-- the same address under another record
SELECT p.action_id, 'suppressed'
FROM places AS p
WHERE p.is_due AND p.place <> '' AND EXISTS (SELECT 1 FROM places AS c WHERE NOT c.is_due AND c.kind = p.kind AND c.place = p.place)
UNION ALL
-- a delivery that died had it in hand when its participant was made to leave
SELECT a.action_id, 'left'
FROM outbox.actions AS a
WHERE a.status = 'planned' AND EXISTS (
    SELECT 1 FROM state.transitions AS t
    WHERE t.participant_id = a.participant_id AND t.kind IN ('exited', 'goal_met') AND t.hop_id IS NULL
)
UNION ALL
SELECT a.action_id, 'expired'
FROM outbox.actions AS a
JOIN expiring AS e ON e.kind = a.kind
WHERE a.status = 'planned' AND NOT $in_time AND a.send_after < e.before
ORDER BY action_id, reason;

-- [uncertain] Actions of which nobody knows whether they were done, oldest first.
SELECT action_id, workflow, record, recipient, step_id, kind, status_at, status_reason
FROM outbox.actions
WHERE status = 'uncertain'
ORDER BY status_at, action_id;

-- [due_days] Ends of the days on which planned actions come due before an instant; the last one is just before it.
SELECT DISTINCT least(next_unit('day', send_after), CAST($until AS TIMESTAMPTZ) - to_minutes(1)) AS day
FROM outbox.actions
WHERE status = 'planned' AND send_after < CAST($until AS TIMESTAMPTZ) - to_minutes(1)
ORDER BY day;

-- [sent_actions] What one step of a workflow sent, and the local date on which it was planned.
SELECT action_id, record, CAST(planned_at AS DATE) AS planned_on
FROM outbox.actions
WHERE workflow = $workflow AND step_id = $step AND status = 'sent'
ORDER BY action_id;
