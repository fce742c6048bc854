-- [to_assign if planned] Assign steps on the way: who gets the record by a rule, and who by the step's method, in a stable order.
CREATE OR REPLACE TEMP TABLE to_assign AS
SELECT
    p.action_id, p.participant_id, p.workflow, p.step_id, s.assign_by, s.assign_pool, s.assign_counts, s.assign_fallback, r.user_key AS by_rule,
    ROW_NUMBER() OVER (PARTITION BY p.workflow, p.step_id, r.user_key IS NULL ORDER BY p.action_id) - 1 AS turn
FROM planned AS p
JOIN live.steps AS s ON s.workflow = p.workflow AND s.version = p.version AND s.step_id = p.step_id
LEFT JOIN (
    SELECT p.action_id, arg_min(a.user_key, a.position) AS user_key
    FROM planned AS p
    JOIN live.assign_rules AS a ON a.workflow = p.workflow AND a.version = p.version AND a.step_id = p.step_id
    LEFT JOIN truths AS t ON t.condition = a.condition AND t.record = p.record
    LEFT JOIN personal_truths AS q ON q.condition = a.condition AND q.participant_id = p.participant_id
    WHERE t.record IS NOT NULL OR q.participant_id IS NOT NULL
    GROUP BY p.action_id
) AS r ON r.action_id = p.action_id
WHERE p.kind = 'assign';

-- [users if to_assign] The users of each step, numbered by key, with their load and where the round goes on.
CREATE OR REPLACE TEMP TABLE users AS
SELECT
    k.workflow,
    k.step_id,
    u.record AS user_key,
    ROW_NUMBER() OVER (PARTITION BY k.workflow, k.step_id ORDER BY u.record) - 1 AS place,
    COUNT(*) OVER (PARTITION BY k.workflow, k.step_id) AS user_count,
    COUNT(CASE WHEN u.record <= l.last_user THEN 1 END) OVER (PARTITION BY k.workflow, k.step_id) AS next_place,
    u.result + CASE WHEN k.assign_counts THEN COALESCE(n.given, 0) ELSE 0 END AS load
FROM (SELECT DISTINCT workflow, step_id, assign_pool, assign_counts FROM to_assign) AS k
JOIN pools AS u ON u.value = k.assign_pool
LEFT JOIN (
    SELECT workflow, step_id, arg_max(user_key, (assigned_at, turn)) AS last_user
    FROM state.assignments WHERE method = 'round_robin' GROUP BY workflow, step_id
) AS l ON l.workflow = k.workflow AND l.step_id = k.step_id
LEFT JOIN (
    SELECT workflow, step_id, user_key, COUNT(*) AS given
    FROM state.assignments GROUP BY workflow, step_id, user_key
) AS n ON n.workflow = k.workflow AND n.step_id = k.step_id AND n.user_key = u.record;

-- [lightest if users] The users in the order in which a fair hand deals: always the one with the least load, each deal counting.
CREATE OR REPLACE TEMP TABLE lightest AS
SELECT u.workflow, u.step_id, u.user_key, ROW_NUMBER() OVER (PARTITION BY u.workflow, u.step_id ORDER BY u.load + g.deal, u.user_key) - 1 AS turn
FROM users AS u
JOIN (
    SELECT workflow, step_id, COUNT(*) AS wanted
    FROM to_assign WHERE assign_by = 'least_loaded' AND by_rule IS NULL GROUP BY workflow, step_id
) AS k ON k.workflow = u.workflow AND k.step_id = u.step_id
CROSS JOIN LATERAL (SELECT UNNEST(generate_series(0, k.wanted - 1)) AS deal) AS g;

-- [assigned if to_assign] Who gets which record.
CREATE OR REPLACE TEMP TABLE assigned AS
SELECT
    a.action_id, a.participant_id, a.workflow, a.step_id, a.turn,
    COALESCE(a.by_rule, r.user_key, l.user_key, a.assign_fallback) AS user_key,
    CASE
        WHEN a.by_rule IS NOT NULL THEN 'rule'
        WHEN r.user_key IS NOT NULL OR l.user_key IS NOT NULL THEN a.assign_by
        WHEN a.assign_fallback IS NOT NULL THEN 'fallback'
        ELSE 'nobody'
    END AS method
FROM to_assign AS a
LEFT JOIN (SELECT DISTINCT workflow, step_id, user_count, next_place FROM users) AS n ON n.workflow = a.workflow AND n.step_id = a.step_id
LEFT JOIN users AS r
    ON r.workflow = a.workflow AND r.step_id = a.step_id AND a.by_rule IS NULL
    AND r.place = CASE a.assign_by
        WHEN 'round_robin' THEN (n.next_place + a.turn) % n.user_count
        WHEN 'random' THEN CAST(floor(draw($seed || '|assign|' || a.participant_id || '|' || a.step_id) * n.user_count) AS BIGINT)
    END
LEFT JOIN lightest AS l
    ON l.workflow = a.workflow AND l.step_id = a.step_id AND l.turn = a.turn AND a.by_rule IS NULL AND a.assign_by = 'least_loaded';

-- [remember_assigned if assigned] The memory of the rounds.
INSERT INTO state.assignments BY NAME
SELECT action_id, participant_id, workflow, step_id, user_key, method, turn, $as_of AS assigned_at
FROM assigned;
