-- [openings if moving] The segments of each schedule, date by date in local time, and whether a calendar closes them.
CREATE OR REPLACE TEMP TABLE openings AS
SELECT
    g.schedule_id,
    g.calendars,
    d.day + to_minutes(w.from_minute) AS opens,
    d.day + to_minutes(w.to_minute) AS closes,
    c.day IS NOT NULL AS is_closed
FROM (SELECT DISTINCT schedule_id, calendars FROM moving) AS g
JOIN live.windows AS w ON w.schedule_id = g.schedule_id
JOIN (
    SELECT unnest(generate_series(CAST(MIN(from_at) AS DATE) - 2, CAST(MAX(from_at) AS DATE) + 402, INTERVAL 1 DAY)) AS day FROM moving
) AS d ON isodow(d.day) = w.weekday
LEFT JOIN (
    SELECT DISTINCT g.calendars, c.day
    FROM (SELECT DISTINCT calendars FROM moving) AS g
    JOIN closed_days AS c ON list_contains(string_split(g.calendars, ','), c.calendar)
) AS c ON c.calendars = g.calendars AND c.day = d.day;

-- [nearest if moving] The next segments from each instant on; a change of clocks may empty the first ones.
CREATE OR REPLACE TEMP TABLE nearest AS
SELECT
    m.*,
    o.opens,
    o.closes,
    instant_of(o.opens, m.zone) AS opens_at,
    instant_of(o.closes, m.zone) AS closes_at
FROM (
    SELECT DISTINCT schedule_id, calendars, zone, is_long, from_at, from_at AT TIME ZONE zone AS local_from FROM moving
) AS m
JOIN openings AS o ON o.schedule_id = m.schedule_id AND o.calendars = m.calendars
WHERE NOT o.is_closed AND o.closes > m.local_from AND o.opens < date_trunc('day', m.local_from) + to_days(401)
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY m.schedule_id, m.calendars, m.zone, m.is_long, m.from_at ORDER BY o.opens
) <= 4;

-- [blocks if moving] The time within which each may be sent: the clock hour after a short wait, all up to closing after a long one.
CREATE OR REPLACE TEMP TABLE blocks AS
SELECT
    n.schedule_id,
    n.calendars,
    n.zone,
    n.is_long,
    n.from_at,
    greatest(n.from_at, n.opens_at) AS starts_at,
    CASE
        WHEN n.is_long THEN n.closes_at
        WHEN n.opens_at > n.from_at THEN least(n.closes_at, n.opens_at + to_hours(1))
        ELSE least(n.closes_at, n.from_at + (date_trunc('hour', n.local_from) + to_hours(1) - n.local_from))
    END AS ends_at,
    CASE
        WHEN EXISTS (
            SELECT 1 FROM openings AS o
            WHERE o.schedule_id = n.schedule_id AND o.calendars = n.calendars
                AND o.is_closed AND o.closes > n.local_from AND o.opens < n.opens
        ) THEN 'blackout'
        WHEN n.opens_at <= n.from_at THEN 'in_window'
        ELSE 'next_opening'
    END AS rule
FROM nearest AS n
WHERE n.closes_at > greatest(n.from_at, n.opens_at)
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY n.schedule_id, n.calendars, n.zone, n.is_long, n.from_at ORDER BY n.opens
) = 1;

-- [placed if moving] The exact minute within the block is a stable draw; without a block there is no window.
CREATE OR REPLACE TEMP TABLE placed AS
SELECT
    m.action_id,
    m.rule AS shift_rule,
    a.send_after AS before_at,
    b.starts_at + to_minutes(CAST(floor(
        draw($seed || '|send|' || a.participant_id || '|' || a.step_id) * floor((epoch(b.ends_at) - epoch(b.starts_at)) / 60)
    ) AS BIGINT)) AS send_after,
    COALESCE(m.rule, b.rule) AS send_rule
FROM moving AS m
JOIN outbox.actions AS a ON a.action_id = m.action_id
LEFT JOIN blocks AS b
    ON b.schedule_id = m.schedule_id AND b.calendars = m.calendars AND b.zone = m.zone
    AND b.is_long = m.is_long AND b.from_at = m.from_at;

-- [note_shifts if placed] One row for each send time that moved.
INSERT INTO outbox.shifts
SELECT action_id, $evaluation_id, shift_rule, before_at, send_after
FROM placed
WHERE shift_rule IS NOT NULL;

-- [place if placed] The send times.
UPDATE outbox.actions AS a
SET
    send_after = COALESCE(p.send_after, a.send_after),
    send_rule = p.send_rule,
    status = CASE WHEN p.send_after IS NULL THEN 'dropped' ELSE a.status END,
    status_at = CASE WHEN p.send_after IS NULL THEN $as_of ELSE a.status_at END,
    status_reason = CASE WHEN p.send_after IS NULL THEN 'no_window' ELSE a.status_reason END
FROM placed AS p
WHERE p.action_id = a.action_id;
