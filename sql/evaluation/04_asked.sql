-- [ask_insiders if watched_participants] What is asked of those inside: the conditions of exits, of objectives that end a passage, of goals.
CREATE OR REPLACE TEMP TABLE asked AS
SELECT p.object, unnest([w.exit_condition, CASE WHEN w.leave_on_objective THEN w.objective_condition END]) AS condition, p.record
FROM state.open_participants AS p
JOIN affected AS k ON k.object = p.object AND k.record = p.record
JOIN live.workflows AS w ON w.workflow = p.workflow AND w.version = p.flow_version
WHERE p.left_at IS NULL
UNION ALL
SELECT p.object, g.condition, p.record
FROM state.open_participants AS p
JOIN affected AS k ON k.object = p.object AND k.record = p.record
JOIN live.goals AS g ON g.workflow = p.workflow AND g.version = p.flow_version
WHERE p.left_at IS NULL AND p.status = 'active';

-- [ask_candidates if asking] What is asked of those who ask to enter: have they met the exit or the objective already.
CREATE OR REPLACE TEMP TABLE asked AS
SELECT w.object, unnest([w.exit_condition, w.objective_condition]) AS condition, a.record
FROM asking AS a
JOIN live.workflows AS w ON w.workflow = a.workflow AND w.is_current;

-- [ask_guards if ways] What the ways ask that participants could take.
CREATE OR REPLACE TEMP TABLE asked AS
SELECT p.object, g.condition, y.record
FROM ways AS y
JOIN live.hop_guards AS g ON g.hop_id = y.hop_id
JOIN state.open_participants AS p ON p.participant_id = y.participant_id;

-- [ask_senders if taken] Whether the users in whose name messages go let workflows send.
CREATE OR REPLACE TEMP TABLE asked AS
SELECT p.object, s.sender_condition AS condition, p.record
FROM taken AS k
JOIN state.open_participants AS p ON p.participant_id = k.participant_id
JOIN live.hop_path AS h ON h.hop_id = k.hop_id
JOIN live.steps AS s ON s.workflow = p.workflow AND s.version = p.flow_version AND s.step_id = h.step_id;

-- [ask_rules if planned] What the rules ask by which records are assigned.
CREATE OR REPLACE TEMP TABLE asked AS
SELECT p.object, a.condition, p.record
FROM planned AS p
JOIN live.assign_rules AS a ON a.workflow = p.workflow AND a.version = p.version AND a.step_id = p.step_id;

-- [ask_objectives if watched_participants or entrants] The objectives of everybody who is watched.
CREATE OR REPLACE TEMP TABLE asked AS
SELECT p.object, w.objective_condition AS condition, p.record
FROM state.open_participants AS p
JOIN affected AS k ON k.object = p.object AND k.record = p.record
JOIN live.workflows AS w ON w.workflow = p.workflow AND w.version = p.version
WHERE p.left_at IS NULL OR p.watched_until >= $as_of;
