-- [ways] Every hop that an active participant could take by its clock, numbered for the joins below.
CREATE OR REPLACE TEMP TABLE ways AS
SELECT ROW_NUMBER() OVER () AS way, p.participant_id, p.record, h.hop_id, h.rank
FROM state.participants AS p
JOIN live.hops AS h ON h.workflow = p.workflow AND h.version = p.flow_version AND h.from_step = p.step_id
WHERE p.status = 'active' AND (NOT h.needs_timer OR p.due_at <= $as_of);

-- [guards_that_hold] How many of a way's conditions hold.
CREATE OR REPLACE TEMP TABLE guards_that_hold AS
SELECT y.way, COUNT(*) AS held_count
FROM ways AS y
JOIN live.hop_guards AS g ON g.hop_id = y.hop_id
JOIN truths AS t ON t.condition = g.condition AND t.record = y.record
GROUP BY y.way;

-- [open_ways] Ways on which every condition holds and every draw of a split falls.
CREATE OR REPLACE TEMP TABLE open_ways AS
SELECT y.participant_id, y.hop_id, y.rank
FROM ways AS y
LEFT JOIN (
    SELECT hop_id, COUNT(condition) AS condition_count FROM live.hop_guards GROUP BY hop_id
) AS n ON n.hop_id = y.hop_id
LEFT JOIN guards_that_hold AS h ON h.way = y.way
WHERE COALESCE(h.held_count, 0) = COALESCE(n.condition_count, 0)
    AND NOT EXISTS (
        SELECT 1 FROM live.hop_guards AS g
        WHERE g.hop_id = y.hop_id AND g.split_step IS NOT NULL
            AND (
                draw($seed || '|split|' || y.participant_id || '|' || g.split_step) < g.low
                OR draw($seed || '|split|' || y.participant_id || '|' || g.split_step) >= g.high
            )
    );

-- [moves] The way each participant takes: the first whose guards hold.
CREATE OR REPLACE TEMP TABLE moves AS
SELECT
    p.participant_id,
    p.workflow,
    p.flow_version,
    p.object,
    p.record,
    p.recipient,
    p.step_id AS from_step,
    h.hop_id,
    h.to_step,
    h.outcome,
    h.reason,
    h.is_long,
    CASE WHEN h.outcome = 'rest' THEN calendar_add($as_of, h.wait_months, h.wait_days, h.wait_minutes) END AS due_at
FROM (
    SELECT y.participant_id, y.hop_id
    FROM open_ways AS y
    QUALIFY ROW_NUMBER() OVER (PARTITION BY y.participant_id ORDER BY y.rank) = 1
) AS taken
JOIN state.participants AS p ON p.participant_id = taken.participant_id
JOIN live.hops AS h ON h.hop_id = taken.hop_id;

-- [move] Participants arrive at their next resting place, or at the end.
UPDATE state.participants AS p
SET
    step_id = m.to_step,
    arrived_at = $as_of,
    due_at = m.due_at,
    status = CASE m.outcome WHEN 'rest' THEN p.status ELSE m.outcome END,
    exit_reason = CASE m.outcome WHEN 'exited' THEN m.reason END,
    left_at = CASE WHEN m.outcome <> 'rest' THEN $as_of END,
    watched_until = CASE WHEN m.outcome = 'rest' THEN p.watched_until ELSE greatest(p.watched_until, calendar_add($as_of, 0, 30, 0)) END
FROM moves AS m
WHERE m.participant_id = p.participant_id;

-- [note_moves] One transition for each move; the hop tells which steps and arms were passed.
INSERT INTO state.transitions
SELECT
    participant_id,
    $evaluation_id,
    3,
    $as_of,
    CASE outcome WHEN 'rest' THEN 'moved' ELSE outcome END,
    from_step,
    to_step,
    hop_id,
    due_at,
    reason
FROM moves;

-- [planned] The actions on the way of each move.
CREATE OR REPLACE TEMP TABLE planned AS
SELECT
    substr(md5(m.participant_id || '|' || s.step_id || '|1'), 1, 20) AS action_id,
    m.participant_id,
    m.workflow,
    m.flow_version AS version,
    s.step_id,
    m.object,
    m.record,
    m.recipient,
    s.action_kind AS kind,
    s.content_id,
    m.is_long,
    CASE WHEN s.has_due THEN calendar_add($as_of, s.due_months, s.due_days, s.due_minutes) END AS due_at
FROM moves AS m
JOIN live.hop_path AS h ON h.hop_id = m.hop_id
JOIN live.steps AS s ON s.workflow = m.workflow AND s.version = m.flow_version AND s.step_id = h.step_id
WHERE s.kind = 'action';

-- [addressed] Records whose values the planned actions carry: their own and their recipients'.
CREATE OR REPLACE TEMP TABLE addressed AS
SELECT DISTINCT object, record FROM planned
UNION
SELECT DISTINCT w.recipient_object, p.recipient
FROM planned AS p
JOIN live.workflows AS w ON w.workflow = p.workflow AND w.version = p.version
WHERE p.recipient IS NOT NULL;
