-- [known_zones if open_sends] Names of timezones; old abbreviations mean different things in different places and are left out.
CREATE OR REPLACE TEMP TABLE known_zones AS
SELECT name AS zone
FROM pg_timezone_names()
WHERE name NOT LIKE 'SystemV/%'
    AND (length(name) > 3 OR name IN ('CET', 'EET', 'EST', 'GMT', 'HST', 'MET', 'MST', 'PRC', 'ROC', 'ROK', 'UCT', 'UTC', 'WET'));

-- [phone_candidates if open_sends] Every zone that the phone numbers of a recipient may lie in, by offset, then by name.
CREATE OR REPLACE TEMP TABLE phone_candidates AS
SELECT
    object,
    record,
    zone,
    ROW_NUMBER() OVER (PARTITION BY object, record ORDER BY $as_of AT TIME ZONE zone, zone) AS place,
    COUNT(*) OVER (PARTITION BY object, record) AS zone_count
FROM (
    SELECT DISTINCT n.object, n.record, k.zone
    FROM (SELECT object, record, unnest(phones) AS number FROM addresses) AS n
    JOIN (SELECT number, unnest(from_json(zones, '["VARCHAR"]')) AS zone FROM state.phone_zones) AS p ON p.number = n.number
    JOIN known_zones AS k ON k.zone = p.zone
);

-- [zones_found if open_sends] The zone of each new message: the recipient's own, else the middle one of its numbers, else the fallback.
CREATE OR REPLACE TEMP TABLE zones_found AS
SELECT
    s.action_id,
    COALESCE(k.zone, p.zone, s.fallback_zone) AS zone,
    CASE
        WHEN k.zone IS NOT NULL THEN 'recipient_field'
        WHEN p.zone_count = 1 THEN 'phone'
        WHEN p.zone_count > 1 THEN 'phones_middle'
        ELSE 'fallback'
    END AS zone_rule
FROM open_sends AS s
LEFT JOIN addresses AS a ON a.object = s.recipient_object AND a.record = s.recipient
LEFT JOIN known_zones AS k ON k.zone = a.zone
LEFT JOIN phone_candidates AS p
    ON p.object = s.recipient_object AND p.record = s.recipient AND p.place = (p.zone_count + 1) // 2
WHERE s.is_new;

-- [note_zones if open_sends] New messages get their zone and their sender.
UPDATE outbox.actions AS a
SET
    zone = z.zone,
    zone_rule = z.zone_rule,
    sender = CASE json_type(c.body, '$.from')
        WHEN 'VARCHAR' THEN c.body ->> '$.from'
        WHEN 'OBJECT' THEN a."values" ->> ('$."' || (c.body ->> '$.from.value') || '"')
    END
FROM zones_found AS z, live.contents AS c
WHERE z.action_id = a.action_id AND c.content_id = a.content_id;

-- [drop_unwanted if open_sends] Whoever is suppressed or unsubscribed gets nothing, also of what was planned before; a call heeds suppression only.
UPDATE outbox.actions AS a
SET status = 'dropped', status_at = $as_of, status_reason = d.reason
FROM (
    SELECT s.action_id, CASE WHEN u.recipient IS NOT NULL THEN 'suppressed' ELSE 'unsubscribed' END AS reason
    FROM open_sends AS s
    LEFT JOIN (
        SELECT DISTINCT object, recipient FROM state.suppressions WHERE since <= $as_of
    ) AS u ON u.object = s.recipient_object AND u.recipient = s.recipient
    LEFT JOIN addresses AS r ON r.object = s.recipient_object AND r.record = s.recipient
    WHERE u.recipient IS NOT NULL OR (r.is_unsubscribed AND s.kind <> 'call')
) AS d
WHERE d.action_id = a.action_id;

-- [moving if open_sends] What needs a send time: new messages from now on, and those planned for a later day that is blacked out by now.
CREATE OR REPLACE TEMP TABLE moving AS
SELECT s.action_id, s.schedule_id, s.calendars, a.zone, a.is_long, CAST(NULL AS VARCHAR) AS rule, $as_of AS from_at
FROM open_sends AS s
JOIN outbox.actions AS a ON a.action_id = s.action_id
WHERE s.is_new AND a.status = 'planned'
UNION ALL
SELECT s.action_id, s.schedule_id, s.calendars, a.zone, a.is_long, 'blackout', a.send_after
FROM open_sends AS s
JOIN outbox.actions AS a ON a.action_id = s.action_id
WHERE NOT s.is_new AND a.status = 'planned' AND a.zone IS NOT NULL AND s.calendars <> ''
    AND CAST(a.send_after AT TIME ZONE a.zone AS DATE) > CAST($as_of AT TIME ZONE a.zone AS DATE)
    AND EXISTS (
        SELECT 1 FROM closed_days AS c
        WHERE c.day = CAST(a.send_after AT TIME ZONE a.zone AS DATE) AND list_contains(string_split(s.calendars, ','), c.calendar)
    );
