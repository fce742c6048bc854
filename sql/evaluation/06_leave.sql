-- [asked_of_insiders if watched_participants] The exit and objective conditions of those inside that hold. Few are asked and many hold: asked first.
CREATE OR REPLACE TEMP TABLE insiders_hold AS
WITH asked AS (
    SELECT
        p.participant_id, p.record,
        unnest([w.exit_condition, CASE WHEN w.leave_on_objective THEN w.objective_condition END]) AS condition,
        unnest([TRUE, FALSE]) AS is_exit
    FROM state.open_participants AS p
    JOIN affected AS k ON k.object = p.object AND k.record = p.record
    JOIN live.workflows AS w ON w.workflow = p.workflow AND w.version = p.flow_version
    WHERE p.left_at IS NULL
)
SELECT participant_id, BOOL_OR(is_exit) AS meets_exit, BOOL_OR(NOT is_exit) AS meets_objective
FROM (
    SELECT a.participant_id, a.is_exit
    FROM asked AS a JOIN truths AS t ON t.condition = a.condition AND t.record = a.record
    UNION ALL
    SELECT a.participant_id, a.is_exit
    FROM asked AS a JOIN personal_truths AS t ON t.condition = a.condition AND t.participant_id = a.participant_id
)
GROUP BY participant_id;

-- [goals_reached if asked_goals or people_orders] The goal that each participant reached first by its own time; at the same time the one written first.
CREATE OR REPLACE TEMP TABLE goals_reached AS
SELECT participant_id, name, reached_at
FROM (
    SELECT participant_id, name, position, reached_at FROM goals_happened
    UNION ALL
    SELECT g.participant_id, g.name, g.position, $as_of
    FROM asked_goals AS g
    JOIN truths AS t ON t.condition = g.condition AND t.record = g.record
    UNION ALL
    SELECT g.participant_id, g.name, g.position, $as_of
    FROM asked_goals AS g
    JOIN personal_truths AS t ON t.condition = g.condition AND t.participant_id = g.participant_id
    UNION ALL
    SELECT o.participant_id, 'marked', 0, c.given_at
    FROM people_orders AS o
    JOIN journal.commands AS c ON c.command_id = o.command_id
    WHERE o.command = 'goal-met' AND o.refusal IS NULL
)
QUALIFY ROW_NUMBER() OVER (PARTITION BY participant_id ORDER BY reached_at, position, name) = 1;

-- [find_leavers if watched_participants] Who leaves, with the first reason that holds; judged before any step that is due. The archive keeps everybody.
CREATE OR REPLACE TEMP TABLE leavers AS
SELECT
    participant_id, from_step,
    CASE cause WHEN 'goal' THEN goal ELSE cause END AS reason,
    cause = 'goal' AS is_goal,
    CASE cause WHEN 'goal' THEN reached_at END AS goal_at
FROM (
    SELECT
        p.participant_id,
        p.step_id AS from_step,
        g.name AS goal,
        g.reached_at,
        CASE
            WHEN m.participant_id IS NOT NULL THEN 'merged'
            WHEN r.record IS NULL THEN 'record_deleted'
            WHEN c.workflow IS NULL OR c.state = 'disabled' THEN 'workflow_disabled'
            WHEN h.meets_exit THEN 'exit_condition'
            WHEN h.meets_objective THEN 'objective'
            WHEN g.participant_id IS NOT NULL THEN 'goal'
            WHEN o.participant_id IS NOT NULL THEN 'removed'
        END AS cause
    FROM state.open_participants AS p
    JOIN affected AS k ON k.object = p.object AND k.record = p.record
    LEFT JOIN live.workflows AS c ON c.workflow = p.workflow AND c.is_current
    LEFT JOIN records AS r ON r.object = p.object AND r.record = p.record
    LEFT JOIN insiders_hold AS h ON h.participant_id = p.participant_id
    LEFT JOIN goals_reached AS g ON g.participant_id = p.participant_id
    LEFT JOIN (SELECT participant_id FROM merged WHERE NOT goes_on) AS m ON m.participant_id = p.participant_id
    LEFT JOIN (
        SELECT DISTINCT participant_id FROM people_orders WHERE command = 'remove' AND refusal IS NULL
    ) AS o ON o.participant_id = p.participant_id
    WHERE p.left_at IS NULL AND c.state IS DISTINCT FROM 'archived'
)
WHERE cause IS NOT NULL;

-- [let_go if leavers] Leavers leave: they rest nowhere and wait for nothing.
UPDATE state.open_participants AS p
SET
    status = CASE WHEN l.is_goal THEN 'goal_met' ELSE 'exited' END,
    exit_reason = l.reason,
    goal_at = l.goal_at,
    left_at = $as_of,
    step_id = '(end)',
    arrived_at = $as_of,
    due_at = NULL,
    halted_at = NULL,
    halt_reason = NULL,
    watched_until = greatest(p.watched_until, calendar_add($as_of, 0, 30, 0))
FROM leavers AS l
WHERE l.participant_id = p.participant_id;

-- [note_exits if leavers] One transition for each leaver.
INSERT INTO state.transitions
SELECT participant_id, $evaluation_id, 1, $as_of, CASE WHEN is_goal THEN 'goal_met' ELSE 'exited' END, from_step, '(end)', NULL, NULL, reason
FROM leavers;

-- [cancel_actions if leavers] Whatever was planned for a leaver and not yet sent is cancelled.
UPDATE outbox.actions AS a
SET status = 'cancelled', status_at = $as_of, status_reason = l.reason
FROM leavers AS l
WHERE l.participant_id = a.participant_id AND a.status IN ('planned', 'awaiting_approval');
