-- [passages] Each record's passages through each workflow so far.
CREATE OR REPLACE TEMP TABLE passages AS
SELECT
    workflow,
    record,
    COUNT(*) AS entry_count,
    MAX(left_at) AS last_left_at,
    BOOL_OR(left_at IS NULL) AS is_inside,
    MAX(matched_from) AS last_matched_from
FROM state.participants
GROUP BY workflow, record;

-- [asked_of_candidates] The exit and objective conditions of those who qualify that hold already.
CREATE OR REPLACE TEMP TABLE candidates_hold AS
SELECT a.workflow, a.record, BOOL_OR(a.is_exit) AS meets_exit, BOOL_OR(NOT a.is_exit) AS meets_objective
FROM (
    SELECT w.workflow, e.record, w.exit_condition AS condition, TRUE AS is_exit
    FROM live.workflows AS w
    JOIN state.episodes AS e ON e.subject = 'entry:' || w.workflow AND e.matched_to IS NULL
    WHERE w.is_current AND w.state = 'enabled' AND w.exit_condition IS NOT NULL
    UNION ALL
    SELECT w.workflow, e.record, w.objective_condition, FALSE
    FROM live.workflows AS w
    JOIN state.episodes AS e ON e.subject = 'entry:' || w.workflow AND e.matched_to IS NULL
    WHERE w.is_current AND w.state = 'enabled' AND w.objective_condition IS NOT NULL
) AS a
JOIN truths AS t ON t.condition = a.condition AND t.record = a.record
GROUP BY a.workflow, a.record;

-- [candidates] Whoever qualifies, with the first gate that refuses; `inside` are those who are in by this very spell.
CREATE OR REPLACE TEMP TABLE candidates AS
SELECT
    c.*,
    CASE
        WHEN is_inside AND last_matched_from = matched_from THEN 'inside'
        WHEN is_inside THEN 'already_inside'
        WHEN reentry = 'never' AND entry_count > 0 THEN 'entered_before'
        WHEN launch = 'newcomers' AND matched_from <= first_enabled_at THEN 'not_a_newcomer'
        WHEN reentry = 'requalifying' AND matched_from <= last_left_at THEN 'not_requalified'
        WHEN last_left_at = $as_of THEN 'left_just_now'
        WHEN reentry_at > $as_of THEN 'waiting_after_exit'
        WHEN meets_exit THEN 'exit_condition'
        WHEN meets_objective AND leave_on_objective THEN 'objective_already_met'
    END AS refusal
FROM (
    SELECT
        w.workflow,
        w.version,
        w.priority,
        w.object,
        w.launch,
        w.reentry,
        w.leave_on_objective,
        w.holdout_share,
        w.longest_stay_days,
        w.recipient_value,
        m.first_enabled_at,
        e.record,
        e.matched_from,
        COALESCE(s.entry_count, 0) AS entry_count,
        COALESCE(s.is_inside, FALSE) AS is_inside,
        s.last_matched_from,
        s.last_left_at,
        calendar_add(s.last_left_at, w.reentry_months, w.reentry_days, w.reentry_minutes) AS reentry_at,
        COALESCE(h.meets_exit, FALSE) AS meets_exit,
        COALESCE(h.meets_objective, FALSE) AS meets_objective
    FROM live.workflows AS w
    JOIN state.workflows AS m ON m.workflow = w.workflow
    JOIN state.episodes AS e ON e.subject = 'entry:' || w.workflow AND e.matched_to IS NULL
    LEFT JOIN passages AS s ON s.workflow = w.workflow AND s.record = e.record
    LEFT JOIN candidates_hold AS h ON h.workflow = w.workflow AND h.record = e.record
    WHERE w.is_current AND w.state = 'enabled'
) AS c;

-- [close_refusals] End the spells of refusals that no longer hold for the same reason.
UPDATE state.refusals AS f
SET refused_to = $as_of
WHERE f.refused_to IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM candidates AS c
        WHERE c.workflow = f.workflow AND c.record = f.record AND c.refusal = f.reason
    );

-- [open_refusals] Begin the spells of new refusals: one row a spell, not an evaluation.
INSERT INTO state.refusals (workflow, object, record, reason, until_at, refused_from, refused_to)
SELECT
    c.workflow,
    c.object,
    c.record,
    c.refusal,
    CASE WHEN c.refusal = 'waiting_after_exit' THEN c.reentry_at END,
    $as_of,
    NULL
FROM candidates AS c
WHERE c.refusal IS NOT NULL AND c.refusal <> 'inside'
    AND NOT EXISTS (
        SELECT 1 FROM state.refusals AS f
        WHERE f.refused_to IS NULL AND f.workflow = c.workflow AND f.record = c.record AND f.reason = c.refusal
    );

-- [entrants] Who enters, in which arm. The draw depends on seed, workflow and record alone: nobody changes arms.
CREATE OR REPLACE TEMP TABLE entrants AS
SELECT
    substr(md5($seed || '|' || workflow || '|' || record || '|' || (entry_count + 1)), 1, 20) AS participant_id,
    workflow,
    version,
    object,
    record,
    recipient_value,
    CAST(entry_count + 1 AS INTEGER) AS entry_no,
    matched_from,
    meets_objective,
    longest_stay_days,
    CASE WHEN draw($seed || '|holdout|' || workflow || '|' || record) < holdout_share THEN 'holdout' ELSE 'treatment' END AS arm
FROM candidates
WHERE refusal IS NULL;
