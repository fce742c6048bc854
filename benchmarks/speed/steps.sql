-- [truths] What holds for whoever is due: the baseline is given it for nothing.
CREATE OR REPLACE TEMP TABLE truths AS
SELECT DISTINCT g.condition, p.record
FROM state.open_participants AS p
JOIN live.hops AS h ON h.workflow = p.workflow AND h.version = p.flow_version AND h.from_step = p.step_id
JOIN live.hop_guards AS g ON g.hop_id = h.hop_id
WHERE p.status = 'active' AND p.due_at <= $as_of AND hash(g.condition, p.record) % 2 = 0;

-- [ways] The ways of each step, in order.
SELECT h.workflow, h.from_step, h.hop_id, h.to_step, h.wait_days, h.outcome, g.condition
FROM live.hops AS h
JOIN live.workflows AS w ON w.workflow = h.workflow AND w.version = h.version AND w.is_current
LEFT JOIN live.hop_guards AS g ON g.hop_id = h.hop_id
WHERE h.needs_timer AND NOT starts_with(h.from_step, '(')
ORDER BY h.workflow, h.from_step, h.rank;

-- [going] Who is due at a step and may take a way.
CREATE OR REPLACE TEMP TABLE going AS
SELECT p.participant_id, p.record
FROM state.open_participants AS p
WHERE p.workflow = $workflow AND p.step_id = $step AND p.status = 'active' AND p.due_at <= $as_of
    AND ($condition IS NULL OR EXISTS (SELECT 1 FROM truths AS t WHERE t.condition = $condition AND t.record = p.record));

-- [note] One transition for each.
INSERT INTO state.transitions BY NAME
SELECT
    participant_id, 0 AS evaluation_id, 3 AS sequence, $as_of AS happened_at, 'moved' AS kind,
    $step AS from_step, $to_step AS to_step, $hop AS hop_id
FROM going;

-- [queue] The actions on the way.
INSERT INTO outbox.actions BY NAME
SELECT
    substr(md5(g.participant_id || '|' || s.step_id || '|1'), 1, 20) AS action_id,
    g.participant_id, s.workflow, s.version, s.step_id, 'account' AS object, g.record, s.action_kind AS kind,
    s.content_id, '{}' AS values, 0 AS evaluation_id, $as_of AS planned_at, $as_of AS send_after, 'planned' AS status, $as_of AS status_at
FROM going AS g
JOIN live.hop_path AS h ON h.hop_id = $hop
JOIN live.steps AS s ON s.workflow = $workflow AND s.step_id = h.step_id AND s.kind = 'action';

-- [move] They arrive at the next step.
UPDATE state.open_participants AS p
SET step_id = $to_step, arrived_at = $as_of, due_at = $as_of + to_days($wait_days), status = if($outcome = 'rest', 'active', $outcome)
FROM going AS g
WHERE g.participant_id = p.participant_id;
