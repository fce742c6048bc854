-- [dated if watched_participants] Who waits for a date of the record, and the date as it is now; the archive looks at none, nor does whoever is stopped.
CREATE OR REPLACE TEMP TABLE dated AS
SELECT p.participant_id, p.due_at IS NULL AS is_first_look, d.result AS due_at
FROM state.open_participants AS p
JOIN affected AS k ON k.object = p.object AND k.record = p.record
JOIN live.steps AS s ON s.workflow = p.workflow AND s.version = p.flow_version AND s.step_id = p.step_id
JOIN live.workflows AS w ON w.workflow = p.workflow AND w.is_current
LEFT JOIN dates AS d ON d.value = s.date_value AND d.record = p.record
WHERE p.status = 'active' AND s.date_value IS NOT NULL AND w.state <> 'archived'
    AND NOT EXISTS (SELECT 1 FROM forwarded AS f WHERE f.participant_id = p.participant_id);

-- [read_dates_again if dated] A moved date moves what waits for it.
UPDATE state.open_participants AS p
SET due_at = d.due_at
FROM dated AS d
WHERE d.participant_id = p.participant_id AND p.due_at IS DISTINCT FROM d.due_at;

-- [ways if watched_participants or entrants] Every hop that an active participant could take by its clock, numbered for the joins below.
CREATE OR REPLACE TEMP TABLE ways AS
SELECT ROW_NUMBER() OVER () AS way, p.participant_id, p.record, h.hop_id, h.rank
FROM state.open_participants AS p
JOIN affected AS k ON k.object = p.object AND k.record = p.record
JOIN live.hops AS h ON h.workflow = p.workflow AND h.version = p.flow_version AND h.from_step = p.step_id
JOIN live.workflows AS w ON w.workflow = p.workflow AND w.is_current
LEFT JOIN dated AS d ON d.participant_id = p.participant_id
WHERE p.status = 'active' AND w.state <> 'archived' AND (NOT h.needs_timer OR p.due_at <= $as_of)
    AND (NOT h.is_first_look OR d.is_first_look);

-- [guards_that_hold if ways] How many of a way's conditions hold.
CREATE OR REPLACE TEMP TABLE guards_that_hold AS
SELECT way, COUNT(*) AS held_count
FROM (
    SELECT y.way
    FROM ways AS y
    JOIN live.hop_guards AS g ON g.hop_id = y.hop_id
    JOIN truths AS t ON t.condition = g.condition AND t.record = y.record
    UNION ALL
    SELECT y.way
    FROM ways AS y
    JOIN live.hop_guards AS g ON g.hop_id = y.hop_id
    JOIN personal_truths AS t ON t.condition = g.condition AND t.participant_id = y.participant_id
)
GROUP BY way;

-- [open_ways if ways] Ways on which every condition holds and every draw of a split falls.
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

-- [taken if open_ways] The way each participant would take: the first whose guards hold.
CREATE OR REPLACE TEMP TABLE taken AS
SELECT y.participant_id, y.hop_id
FROM open_ways AS y
QUALIFY ROW_NUMBER() OVER (PARTITION BY y.participant_id ORDER BY y.rank) = 1;

-- [blocked if taken] Ways that cannot be taken: on one of their steps a sender has not allowed sending. Nothing of such a way is done.
CREATE OR REPLACE TEMP TABLE blocked AS
SELECT k.participant_id, p.step_id AS from_step, 'no_send_as:' || arg_min(s.step_id, h.position) AS reason
FROM taken AS k
JOIN state.open_participants AS p ON p.participant_id = k.participant_id
JOIN live.hop_path AS h ON h.hop_id = k.hop_id
JOIN live.steps AS s ON s.workflow = p.workflow AND s.version = p.flow_version AND s.step_id = h.step_id
LEFT JOIN truths AS t ON t.condition = s.sender_condition AND t.record = p.record
WHERE s.sender_condition IS NOT NULL AND t.record IS NULL
GROUP BY k.participant_id, p.step_id;

-- [halt_blocked if blocked] They stay where they are, in error, until somebody tries again.
UPDATE state.open_participants AS p
SET status = 'error', halted_at = $as_of, halt_reason = b.reason
FROM blocked AS b
WHERE b.participant_id = p.participant_id;

-- [note_blocked if blocked] One transition for each.
INSERT INTO state.transitions
SELECT participant_id, $evaluation_id, 3, $as_of, 'error', from_step, from_step, NULL, NULL, reason
FROM blocked;

-- [moves if taken] The way each participant takes.
CREATE OR REPLACE TEMP TABLE moves AS
SELECT
    p.participant_id,
    p.workflow,
    p.flow_version,
    p.object,
    p.record,
    p.occasion,
    p.recipient,
    p.restarts,
    p.step_id AS from_step,
    h.hop_id,
    h.to_step,
    h.outcome,
    h.reason,
    h.is_long,
    CASE WHEN h.outcome = 'rest' AND h.is_timed
        THEN calendar_add($as_of, h.wait_months, h.wait_days + COALESCE(b.days, 0), h.wait_minutes) ELSE d.result END AS due_at
FROM taken AS k
JOIN state.open_participants AS p ON p.participant_id = k.participant_id
JOIN live.hops AS h ON h.hop_id = k.hop_id
LEFT JOIN business_steps AS b ON b.business_days = h.wait_business_days
LEFT JOIN live.steps AS s ON s.workflow = p.workflow AND s.version = p.flow_version AND s.step_id = h.to_step
LEFT JOIN dates AS d ON d.value = s.date_value AND d.record = p.record
WHERE NOT EXISTS (SELECT 1 FROM blocked AS x WHERE x.participant_id = k.participant_id);

-- [move if moves] Participants arrive at their next resting place, or at the end.
UPDATE state.open_participants AS p
SET
    step_id = m.to_step,
    arrived_at = $as_of,
    due_at = m.due_at,
    status = CASE m.outcome WHEN 'rest' THEN p.status ELSE m.outcome END,
    exit_reason = CASE m.outcome WHEN 'exited' THEN m.reason END,
    halted_at = CASE m.outcome WHEN 'error' THEN $as_of END,
    halt_reason = CASE m.outcome WHEN 'error' THEN m.reason END,
    left_at = CASE WHEN m.outcome IN ('completed', 'exited') THEN $as_of END,
    watched_until = CASE WHEN m.outcome IN ('rest', 'error') THEN p.watched_until ELSE greatest(p.watched_until, calendar_add($as_of, 0, 30, 0)) END
FROM moves AS m
WHERE m.participant_id = p.participant_id;

-- [note_moves if moves] One transition for each move; the hop tells which steps and arms were passed.
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

-- [planned if moves] The actions on the way of each move.
CREATE OR REPLACE TEMP TABLE planned AS
SELECT
    substr(md5(m.participant_id || '|' || s.step_id || '|' || (m.restarts + 1)), 1, 20) AS action_id,
    m.participant_id,
    m.workflow,
    m.flow_version AS version,
    s.step_id,
    m.object,
    m.record,
    m.occasion,
    m.recipient,
    s.action_kind AS kind,
    s.content_id,
    m.is_long,
    s.needs_approval,
    s.assigned_by_step,
    CASE WHEN s.has_due THEN calendar_add($as_of, s.due_months, s.due_days + COALESCE(b.days, 0), s.due_minutes) END AS due_at
FROM moves AS m
JOIN live.hop_path AS h ON h.hop_id = m.hop_id
JOIN live.steps AS s ON s.workflow = m.workflow AND s.version = m.flow_version AND s.step_id = h.step_id
LEFT JOIN business_steps AS b ON b.business_days = s.due_business_days
WHERE s.kind = 'action';

-- [addressed if planned] Records whose values the planned actions carry: their own, their recipients' and their related rows'.
CREATE OR REPLACE TEMP TABLE addressed AS
SELECT DISTINCT object, record FROM planned
UNION
SELECT DISTINCT w.recipient_object, p.recipient
FROM planned AS p
JOIN live.workflows AS w ON w.workflow = p.workflow AND w.version = p.version
WHERE p.recipient IS NOT NULL
UNION
SELECT DISTINCT w.row_object, p.occasion
FROM planned AS p
JOIN live.workflows AS w ON w.workflow = p.workflow AND w.version = p.version
WHERE p.occasion <> '';
