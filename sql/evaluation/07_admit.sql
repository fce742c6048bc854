-- [stirred] Records of which entries may be judged otherwise than last time: reached, or somebody just left.
CREATE OR REPLACE TEMP TABLE stirred AS
SELECT object, record FROM affected WHERE is_reached
UNION
SELECT p.object, p.record
FROM leavers AS l
JOIN state.open_participants AS p ON p.participant_id = l.participant_id;

-- [asking if spells or leavers or orders] Who asks to enter: whoever qualifies, by a related row or by itself, and whoever was enrolled by hand or by a step.
CREATE OR REPLACE TEMP TABLE asking AS
SELECT w.workflow, e.record, e.occasion, e.matched_from, 'condition' AS entry_mode, CAST(NULL AS VARCHAR) AS command_id
FROM live.workflows AS w
JOIN state.episodes AS e ON e.subject = 'entry:' || w.workflow AND e.matched_to IS NULL
WHERE w.is_current AND w.state = 'enabled'
    AND EXISTS (SELECT 1 FROM stirred AS a WHERE a.object = e.object AND a.record = e.record)
    -- whoever is in by this very spell asks no more
    AND NOT EXISTS (
        SELECT 1 FROM state.open_participants AS p
        WHERE p.workflow = w.workflow AND p.record = e.record AND p.occasion = e.occasion
            AND p.left_at IS NULL AND p.matched_from = e.matched_from
    )
UNION ALL
SELECT o.workflow, o.record, '', NULL, o.entry_mode, o.command_id
FROM orders AS o
WHERE o.command = 'enroll'
QUALIFY ROW_NUMBER() OVER (PARTITION BY o.workflow, o.record, o.entry_mode ORDER BY o.number) = 1;

-- [passages if asking] The passages so far of those who ask.
CREATE OR REPLACE TEMP TABLE passages AS
SELECT
    workflow,
    record,
    occasion,
    COUNT(*) AS entry_count,
    MAX(left_at) AS last_left_at,
    BOOL_OR(left_at IS NULL) AS is_inside
FROM state.participants AS p
WHERE EXISTS (SELECT 1 FROM asking AS a WHERE a.workflow = p.workflow AND a.record = p.record AND a.occasion = p.occasion)
GROUP BY workflow, record, occasion;

-- [asked_of_candidates if asking] The exit and objective conditions of those who ask that hold already.
CREATE OR REPLACE TEMP TABLE candidates_hold AS
SELECT a.workflow, a.record, BOOL_OR(a.is_exit) AS meets_exit, BOOL_OR(NOT a.is_exit) AS meets_objective
FROM (
    SELECT DISTINCT w.workflow, e.record, w.exit_condition AS condition, TRUE AS is_exit
    FROM live.workflows AS w
    JOIN asking AS e ON e.workflow = w.workflow
    WHERE w.is_current AND w.exit_condition IS NOT NULL
    UNION ALL
    SELECT DISTINCT w.workflow, e.record, w.objective_condition, FALSE
    FROM live.workflows AS w
    JOIN asking AS e ON e.workflow = w.workflow
    WHERE w.is_current AND w.objective_condition IS NOT NULL
) AS a
JOIN truths AS t ON t.condition = a.condition AND t.record = a.record
GROUP BY a.workflow, a.record;

-- [locks if asking] Workflows that shut others to the records inside them at the start: whoever left just now was.
CREATE OR REPLACE TEMP TABLE locks AS
SELECT DISTINCT p.object, p.record, p.workflow, c.priority, w.shuts_all, w.shuts
FROM state.open_participants AS p
JOIN live.workflows AS w ON w.workflow = p.workflow AND w.version = p.flow_version
JOIN live.workflows AS c ON c.workflow = p.workflow AND c.is_current
WHERE (p.left_at IS NULL OR p.left_at = $as_of) AND (w.shuts_all OR len(w.shuts) > 0);

-- [candidates if asking] Whoever asks, with the first gate that refuses.
CREATE OR REPLACE TEMP TABLE candidates AS
SELECT
    workflow, object, record, occasion, matched_from, entry_mode, command_id, reentry_at, next_slot_at, locked_by,
    CASE
        WHEN NOT by_condition AND state IS NULL THEN 'workflow_unknown'
        WHEN NOT has_record THEN 'no_such_record'
        WHEN NOT by_condition AND state IS DISTINCT FROM 'enabled' THEN 'workflow_' || state
        WHEN NOT by_condition AND takes_rows THEN 'takes_rows'
        WHEN entry_mode = 'manual' AND NOT manual_entry THEN 'manual_refused'
        WHEN is_inside THEN 'already_inside'
        WHEN reentry = 'never' AND entry_count > 0 THEN 'entered_before'
        WHEN by_condition AND launch = 'newcomers' AND matched_from <= first_enabled_at THEN 'not_a_newcomer'
        WHEN by_condition AND reentry = 'requalifying' AND matched_from <= last_left_at THEN 'not_requalified'
        WHEN last_left_at = $as_of THEN 'left_just_now'
        WHEN reentry_at > $as_of THEN 'waiting_after_exit'
        WHEN meets_exit THEN 'exit_condition'
        WHEN meets_objective AND leave_on_objective THEN 'objective_already_met'
        WHEN by_condition AND NOT is_slot THEN 'between_slots'
        WHEN locked_by IS NOT NULL THEN 'locked'
    END AS refusal
FROM (
    SELECT
        a.workflow,
        w.state,
        w.object,
        w.launch,
        w.reentry,
        w.leave_on_objective,
        w.manual_entry,
        w.each_value IS NOT NULL AS takes_rows,
        m.first_enabled_at,
        a.record,
        a.occasion,
        a.matched_from,
        a.entry_mode,
        a.entry_mode = 'condition' AS by_condition,
        a.command_id,
        r.record IS NOT NULL AS has_record,
        COALESCE(s.entry_count, 0) AS entry_count,
        COALESCE(s.is_inside, FALSE) AS is_inside,
        s.last_left_at,
        calendar_add(s.last_left_at, w.reentry_months, w.reentry_days, w.reentry_minutes) AS reentry_at,
        COALESCE(h.meets_exit, FALSE) AS meets_exit,
        COALESCE(h.meets_objective, FALSE) AS meets_objective,
        COALESCE(o.is_open, TRUE) AS is_slot,
        o.next_at AS next_slot_at,
        l.locked_by
    FROM asking AS a
    LEFT JOIN live.workflows AS w ON w.workflow = a.workflow AND w.is_current
    LEFT JOIN state.workflows AS m ON m.workflow = w.workflow
    LEFT JOIN records AS r ON r.object = w.object AND r.record = a.record
    LEFT JOIN passages AS s ON s.workflow = w.workflow AND s.record = a.record AND s.occasion = a.occasion
    LEFT JOIN candidates_hold AS h ON h.workflow = w.workflow AND h.record = a.record
    LEFT JOIN slots AS o ON o.workflow = w.workflow
    LEFT JOIN (
        SELECT a.workflow, a.record, arg_min(l.workflow, (-l.priority, l.workflow)) AS locked_by
        FROM asking AS a
        JOIN live.workflows AS w ON w.workflow = a.workflow AND w.is_current
        JOIN locks AS l ON l.object = w.object AND l.record = a.record AND l.workflow <> a.workflow
        WHERE l.shuts_all OR list_contains(l.shuts, a.workflow)
        GROUP BY a.workflow, a.record
    ) AS l ON l.workflow = a.workflow AND l.record = a.record
) AS c;

-- [passing if candidates] Whoever no gate has refused so far; of two ways to ask, the condition is taken.
CREATE OR REPLACE TEMP TABLE passing AS
SELECT
    c.workflow,
    w.version,
    w.priority,
    w.object,
    w.holdout_share,
    w.longest_stay_days,
    w.recipient_value,
    w.runs_once,
    w.shuts_all,
    w.shuts,
    w.entry_limit,
    c.record,
    c.occasion,
    c.matched_from,
    c.entry_mode,
    COALESCE(s.entry_count, 0) AS entry_count,
    COALESCE(h.meets_objective, FALSE) AS meets_objective,
    BOOL_OR(c.entry_mode <> 'condition') OVER (PARTITION BY c.workflow, c.record, c.occasion) AS is_ordered
FROM candidates AS c
JOIN live.workflows AS w ON w.workflow = c.workflow AND w.is_current
LEFT JOIN passages AS s ON s.workflow = c.workflow AND s.record = c.record AND s.occasion = c.occasion
LEFT JOIN candidates_hold AS h ON h.workflow = c.workflow AND h.record = c.record
WHERE c.refusal IS NULL
QUALIFY ROW_NUMBER() OVER (PARTITION BY c.workflow, c.record, c.occasion ORDER BY CASE c.entry_mode WHEN 'condition' THEN 1 WHEN 'enrolled' THEN 2 ELSE 3 END) = 1;
