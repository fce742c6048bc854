-- [counted] Messages that count: sent ones when they went, planned ones when they will go, those from elsewhere.
CREATE OR REPLACE TEMP TABLE counted AS
SELECT
    a.action_id,
    a.evaluation_id,
    s.schedule_id,
    s.calendars,
    a.zone,
    a.is_long,
    a.sender,
    COALESCE(s.recipient_object, w.recipient_object) || '>' || a.recipient AS recipient,
    CASE a.status WHEN 'planned' THEN greatest(a.send_after, $as_of) ELSE a.status_at END AS counts_at,
    a.status = 'planned' AS may_move
FROM outbox.actions AS a
JOIN live.workflows AS w ON w.workflow = a.workflow AND w.version = a.version
LEFT JOIN open_sends AS s ON s.action_id = a.action_id
-- what may have been sent counts as sent
WHERE a.status IN ('planned', 'sent', 'claimed', 'uncertain') AND a.kind IN ('email', 'sms')
    AND (a.status = 'planned' OR a.status_at >= $as_of - to_days(32))
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, sender, NULL, sent_at, FALSE
FROM elsewhere
WHERE sent_at >= $as_of - to_days(32);

-- [drop_over_cap] What is too much for a recipient is dropped: the latest planned goes first.
UPDATE outbox.actions AS a
SET status = 'dropped', status_at = $as_of, status_reason = 'frequency_cap'
FROM (
    SELECT c.action_id
    FROM (
        SELECT c.action_id, c.may_move, l.at_most, ROW_NUMBER() OVER (
            PARTITION BY c.recipient, unit_of(l.unit, c.counts_at)
            ORDER BY c.may_move, c.evaluation_id, c.counts_at, c.action_id
        ) AS place
        FROM counted AS c
        JOIN limits AS l ON l.subject = 'recipient'
        WHERE c.recipient IS NOT NULL
    ) AS c
    WHERE c.may_move AND c.place > c.at_most
) AS d
WHERE d.action_id = a.action_id;

-- [surplus] What is too much for a sender moves behind the end of the hour, day, week or month, the last in time first.
CREATE OR REPLACE TEMP TABLE moving AS
SELECT c.action_id, c.schedule_id, c.calendars, c.zone, c.is_long, 'sender_limit' AS rule, c.from_at
FROM (
    SELECT
        c.*,
        l.at_most,
        next_unit(l.unit, c.counts_at) AS from_at,
        ROW_NUMBER() OVER (
            PARTITION BY c.sender, unit_of(l.unit, c.counts_at) ORDER BY c.may_move, c.counts_at, c.action_id
        ) AS place
    FROM counted AS c
    JOIN limits AS l ON l.subject = 'sender'
    LEFT JOIN outbox.actions AS a ON a.action_id = c.action_id
    WHERE c.sender IS NOT NULL AND COALESCE(a.status, 'sent') <> 'dropped'
) AS c
WHERE c.may_move AND c.place > c.at_most;
