-- [clear_upcoming if report_scope] Forget what was to come in workflows that are made anew.
DELETE FROM report.upcoming WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_upcoming if report_scope] Actions in the outbox, and for runs whose wait ends in the next 30 days the action behind it, if conditions leave no choice.
INSERT INTO report.upcoming BY NAME
WITH way AS (
    -- the first action on each way that a wait's end opens
    SELECT h.hop_id, h.workflow, h.version, h.from_step, ARG_MIN(s.step_id, p.position) FILTER (WHERE s.kind = 'action') AS step_id
    FROM live.hops AS h
    LEFT JOIN live.hop_path AS p ON p.hop_id = h.hop_id
    LEFT JOIN live.steps AS s ON s.workflow = h.workflow AND s.version = h.version AND s.step_id = p.step_id
    WHERE h.needs_timer
    GROUP BY h.hop_id, h.workflow, h.version, h.from_step
),
behind AS (
    SELECT
        w.workflow,
        w.version,
        w.from_step,
        COUNT(DISTINCT w.step_id) AS action_count,
        COUNT(*) FILTER (WHERE w.step_id IS NULL) AS idle_count,
        ARG_MIN(s.step_id, s.position) AS step_id,
        ARG_MIN(s.action_kind, s.position) AS action_type,
        string_agg(DISTINCT s.label, ' or ' ORDER BY s.label) AS label
    FROM way AS w
    LEFT JOIN live.steps AS s ON s.workflow = w.workflow AND s.version = w.version AND s.step_id = w.step_id
    GROUP BY w.workflow, w.version, w.from_step
)
SELECT
    a.workflow_id,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    CAST(a.permitted_at AS DATE) AS date,
    a.permitted_at AS expected_at,
    'planned' AS certainty,
    a.run_id,
    a.customer_id,
    a.customer_name,
    a.step_id,
    a.action_type,
    d.label,
    COALESCE(a.owner, f.owner_at_entry) AS owner,
    a.recipient
FROM report.action_log AS a
JOIN runs AS f ON f.run_id = a.run_id
JOIN report.step_dim AS d ON d.workflow_id = a.workflow_id AND d.version = a.workflow_version AND d.step_id = a.step_id
WHERE a.status IN ('planned', 'claimed') AND CAST(a.permitted_at AS DATE) <= CAST($as_of AS DATE) + 30
UNION ALL
SELECT
    f.workflow_id,
    $as_of,
    $evaluation_id,
    CAST(p.due_at AS DATE),
    p.due_at,
    CASE WHEN b.action_count = 1 AND b.idle_count = 0 THEN 'expected' ELSE 'possible' END,
    f.run_id,
    f.customer_id,
    f.customer_name,
    CASE WHEN b.action_count = 1 THEN b.step_id ELSE p.step_id END,
    CASE WHEN b.action_count = 1 THEN b.action_type ELSE 'one of several' END,
    b.label,
    f.owner_at_entry,
    p.recipient
FROM runs AS f
JOIN state.participants AS p ON p.participant_id = f.run_id
JOIN behind AS b ON b.workflow = p.workflow AND b.version = p.flow_version AND b.from_step = p.step_id
WHERE f.arm = 'treatment' AND p.left_at IS NULL AND p.status = 'active' AND b.action_count > 0
    AND CAST(p.due_at AS DATE) <= CAST($as_of AS DATE) + 30;

-- [clear_waiting if report_scope] Forget what waited for approval in workflows that are made anew.
DELETE FROM report.waiting WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_waiting if report_scope] Actions that wait for approval.
INSERT INTO report.waiting BY NAME
SELECT
    a.workflow_id,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    a.action_id,
    a.run_id,
    a.customer_id,
    a.customer_name,
    a.step_id,
    a.action_type,
    d.label,
    COALESCE(a.owner, f.owner_at_entry) AS owner,
    a.recipient,
    a.result_at AS waiting_since,
    date_diff('day', CAST(a.result_at AS DATE), CAST($as_of AS DATE)) AS waiting_days
FROM report.action_log AS a
JOIN runs AS f ON f.run_id = a.run_id
JOIN report.step_dim AS d ON d.workflow_id = a.workflow_id AND d.version = a.workflow_version AND d.step_id = a.step_id
WHERE a.status = 'awaiting_approval';

-- [clear_failed if report_scope] Forget what had failed in workflows that are made anew.
DELETE FROM report.failed WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_failed if report_scope] Actions that failed, and those of which nobody knows, with what the sink said last.
INSERT INTO report.failed BY NAME
SELECT
    a.workflow_id,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    a.action_id,
    a.run_id,
    a.customer_id,
    a.customer_name,
    a.step_id,
    a.action_type,
    d.label,
    COALESCE(a.owner, f.owner_at_entry) AS owner,
    a.recipient,
    a.status,
    a.result_at AS failed_at,
    a.attempt,
    a.target,
    t.code,
    COALESCE(t.message, a.reason_code) AS message
FROM report.action_log AS a
JOIN runs AS f ON f.run_id = a.run_id
JOIN report.step_dim AS d ON d.workflow_id = a.workflow_id AND d.version = a.workflow_version AND d.step_id = a.step_id
LEFT JOIN (
    SELECT action_id, code, message
    FROM outbox.attempts
    QUALIFY ROW_NUMBER() OVER (PARTITION BY action_id ORDER BY attempt DESC, attempted_at DESC, outcome) = 1
) AS t ON t.action_id = a.action_id
WHERE a.result = 'failed';

-- [clear_entry_preview] The gates are those of the last evaluation alone.
DELETE FROM report.entry_preview;

-- [fill_entry_preview] Who matched in the last evaluation, who entered, and which gate kept the others out. Drafts are not evaluated.
INSERT INTO report.entry_preview BY NAME
WITH gate AS (
    SELECT workflow, reason, COUNT(*) AS n
    FROM state.refusals
    WHERE refused_from <= $as_of AND (refused_to IS NULL OR refused_to > $as_of)
    GROUP BY workflow, reason
),
kept_out AS (
    SELECT
        workflow,
        SUM(n) FILTER (WHERE reason IN ('not_requalified', 'waiting_after_exit', 'entered_before')) AS reentry_count,
        SUM(n) FILTER (WHERE reason NOT IN ('not_requalified', 'waiting_after_exit', 'entered_before', 'already_inside')) AS other_count,
        CAST('{' || string_agg(to_json(reason) || ':' || n, ',' ORDER BY reason) || '}' AS JSON) AS blocked_by
    FROM gate
    GROUP BY workflow
),
inside AS (
    SELECT p.workflow, COUNT(*) AS n
    FROM state.participants AS p
    JOIN state.episodes AS e
        ON e.subject = 'entry:' || p.workflow AND e.object = p.object AND e.record = p.record AND e.occasion = p.occasion
    WHERE p.entered_at < $as_of AND p.left_at IS NULL AND e.matched_to IS NULL
    GROUP BY p.workflow
),
entrant AS (
    SELECT
        workflow,
        COUNT(*) AS entered_count,
        COUNT(*) FILTER (WHERE arm = 'holdout') AS holdout_count,
        COUNT(*) FILTER (WHERE met_at_entry) AS met_count,
        to_json(list(record ORDER BY record)[1:20]) AS sample_ids
    FROM state.participants
    WHERE entered_at = $as_of
    GROUP BY workflow
)
SELECT
    w.workflow AS workflow_id,
    w.version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    COALESCE(o.record_count, 0) AS evaluated_count,
    COALESCE(c.qualifying_count, 0) AS matched_count,
    COALESCE(n.entered_count, 0) AS would_enter_count,
    COALESCE(k.reentry_count, 0) AS blocked_reentry_count,
    COALESCE(k.other_count, 0) AS blocked_eligibility_count,
    COALESCE(i.n, 0) AS already_inside_count,
    COALESCE(n.holdout_count, 0) AS to_holdout_count,
    COALESCE(n.met_count, 0) AS already_met_count,
    COALESCE(k.blocked_by, '{}') AS blocked_by,
    COALESCE(n.sample_ids, '[]') AS sample_ids
FROM live.workflows AS w
LEFT JOIN journal.evaluations AS e ON e.evaluation_id = $evaluation_id
LEFT JOIN journal.snapshot_objects AS o ON o.snapshot_id = e.snapshot_id AND o.object = w.object
LEFT JOIN journal.workflow_counts AS c ON c.evaluation_id = $evaluation_id AND c.workflow = w.workflow
LEFT JOIN kept_out AS k ON k.workflow = w.workflow
LEFT JOIN inside AS i ON i.workflow = w.workflow
LEFT JOIN entrant AS n ON n.workflow = w.workflow
WHERE w.is_current AND w.state <> 'draft';
