-- [make_responses if report_scope] When each run answered: it met the objective inside its window, or reached a goal, whichever came first.
CREATE OR REPLACE TEMP TABLE responses AS
SELECT
    f.run_id,
    f.workflow_id,
    f.objective_version,
    LEAST(
        CASE WHEN f.met_in_window THEN f.first_met_at END,
        CASE WHEN f.status = 'goal_met' THEN COALESCE(p.goal_at, f.exited_at) END
    ) AS responded_at
FROM runs AS f
JOIN state.participants AS p ON p.participant_id = f.run_id
WHERE f.arm = 'treatment' AND NOT f.met_at_entry;

-- [clear_responded_by_step if report_scope] Forget the answers of workflows that are made anew.
DELETE FROM report.responded_by_step WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_responded_by_step if report_scope] Each run answers once, at the last action that was done before: attribution describes, it proves nothing.
INSERT INTO report.responded_by_step BY NAME
WITH done AS (
    SELECT r.run_id, a.step_id, MIN(a.sent_at) AS done_at, MAX(d.order_no) AS order_no
    FROM report.action_log AS a
    JOIN responses AS r ON r.run_id = a.run_id
    LEFT JOIN report.step_dim AS d
        ON d.workflow_id = a.workflow_id AND d.version = a.workflow_version AND d.step_id = a.step_id
    WHERE a.sent_at IS NOT NULL
    GROUP BY r.run_id, a.step_id
),
touch AS (
    SELECT r.run_id, ARG_MAX(d.step_id, (d.done_at, d.order_no)) AS step_id
    FROM responses AS r
    JOIN done AS d ON d.run_id = r.run_id AND d.done_at < r.responded_at
    GROUP BY r.run_id
),
latest AS (
    SELECT workflow, objective_version, MAX(version) AS workflow_version FROM live.workflows GROUP BY ALL
),
step AS (
    SELECT w.workflow_id, w.objective_version, d.step_id, ARG_MAX(d.branch_path, d.version) AS branch_path
    FROM report.step_dim AS d
    JOIN report.workflow_dim AS w ON w.workflow_id = d.workflow_id AND w.version = d.version
    JOIN report_scope AS s ON s.workflow_id = d.workflow_id
    WHERE d.kind = 'action'
    GROUP BY w.workflow_id, w.objective_version, d.step_id
),
counted AS (
    SELECT
        r.workflow_id,
        r.objective_version,
        d.step_id,
        COUNT(*) AS completed_count,
        COUNT(*) FILTER (WHERE t.step_id = d.step_id) AS last_touch_count,
        COUNT(*) FILTER (WHERE d.done_at < r.responded_at) AS any_after_count
    FROM done AS d
    JOIN responses AS r ON r.run_id = d.run_id
    LEFT JOIN touch AS t ON t.run_id = d.run_id
    GROUP BY r.workflow_id, r.objective_version, d.step_id
),
answered AS (
    SELECT s.workflow_id, s.objective_version, s.step_id, s.branch_path, c.completed_count, c.last_touch_count, c.any_after_count
    FROM step AS s
    LEFT JOIN counted AS c
        ON c.workflow_id = s.workflow_id AND c.objective_version IS NOT DISTINCT FROM s.objective_version AND c.step_id = s.step_id
    UNION ALL
    SELECT
        r.workflow_id,
        r.objective_version,
        'before_any',
        '',
        COUNT(*),
        COUNT(*) FILTER (WHERE r.responded_at IS NOT NULL AND t.run_id IS NULL),
        COUNT(*) FILTER (WHERE r.responded_at IS NOT NULL)
    FROM responses AS r
    LEFT JOIN touch AS t ON t.run_id = r.run_id
    GROUP BY r.workflow_id, r.objective_version
)
SELECT
    a.workflow_id,
    l.workflow_version,
    a.objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    a.step_id,
    a.branch_path,
    COALESCE(a.completed_count, 0) AS completed_count,
    COALESCE(a.last_touch_count, 0) AS last_touch_count,
    a.last_touch_count / NULLIF(a.completed_count, 0) AS last_touch_share,
    COALESCE(a.any_after_count, 0) AS any_after_count,
    a.any_after_count / NULLIF(a.completed_count, 0) AS any_after_share
FROM answered AS a
JOIN latest AS l ON l.workflow = a.workflow_id AND l.objective_version IS NOT DISTINCT FROM a.objective_version;

-- [clear_branch_outcome if report_scope] Forget the arms of workflows that are made anew.
DELETE FROM report.branch_outcome WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_branch_outcome if report_scope] The runs that took each arm. Their 30-day incidence counts those who are not out of it yet, too.
INSERT INTO report.branch_outcome BY NAME
WITH took AS (
    SELECT DISTINCT f.run_id, f.workflow_id, f.objective_version, h.step_id AS branch_step_id, h.arm AS branch_label
    FROM state.transitions AS t
    JOIN live.hop_path AS h ON h.hop_id = t.hop_id
    JOIN runs AS f ON f.run_id = t.participant_id
    WHERE h.arm IS NOT NULL AND f.arm = 'treatment'
),
latest AS (
    SELECT workflow_id, objective_version, MAX(workflow_version) AS workflow_version FROM runs GROUP BY ALL
),
outcome AS (
    SELECT
        t.workflow_id,
        t.objective_version,
        t.branch_step_id,
        t.branch_label,
        COUNT(*) AS run_count,
        COUNT(*) FILTER (WHERE f.matured AND NOT f.met_at_entry) AS matured_count,
        COUNT(*) FILTER (WHERE f.matured AND f.met_in_window) AS met_count
    FROM took AS t
    JOIN runs AS f ON f.run_id = t.run_id
    GROUP BY t.workflow_id, t.objective_version, t.branch_step_id, t.branch_label
),
times AS (
    SELECT
        t.workflow_id,
        t.objective_version,
        t.branch_step_id,
        t.branch_label,
        f.duration_days AS day_no,
        COUNT(*) AS gone,
        COUNT(*) FILTER (WHERE f.end_status = 1) AS met,
        COUNT(*) FILTER (WHERE f.end_status <> 0) AS ended
    FROM took AS t
    JOIN runs AS f ON f.run_id = t.run_id
    WHERE NOT f.met_at_entry AND f.objective_version IS NOT NULL
    GROUP BY ALL
),
risk AS (
    SELECT *, SUM(gone) OVER (PARTITION BY workflow_id, objective_version, branch_step_id, branch_label ORDER BY day_no ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS at_risk
    FROM times
),
staying AS (
    SELECT
        *,
        CASE
            WHEN MAX(CAST(ended = at_risk AS INTEGER)) OVER earlier > 0 THEN 0.0
            ELSE EXP(COALESCE(SUM(CASE WHEN ended < at_risk THEN LN(1 - ended / at_risk) END) OVER earlier, 0.0))
        END AS still_open
    FROM risk
    WINDOW earlier AS (
        PARTITION BY workflow_id, objective_version, branch_step_id, branch_label ORDER BY day_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),
incidence AS (
    -- nothing is said of day 30 while nobody was followed that long, unless nobody is left to follow
    SELECT
        workflow_id,
        objective_version,
        branch_step_id,
        branch_label,
        CASE WHEN MAX(CASE WHEN ended = at_risk THEN 30 ELSE day_no END) >= 30 THEN COALESCE(SUM(still_open * met / at_risk ORDER BY day_no) FILTER (WHERE day_no <= 30), 0.0) END AS cif_30
    FROM staying
    GROUP BY workflow_id, objective_version, branch_step_id, branch_label
)
SELECT
    o.workflow_id,
    l.workflow_version,
    o.objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    o.branch_step_id,
    o.branch_label,
    o.run_count,
    o.matured_count,
    o.met_count,
    o.met_count / NULLIF(o.matured_count, 0) AS met_share,
    wilson_lo(o.met_count, o.matured_count) AS lo,
    wilson_hi(o.met_count, o.matured_count) AS hi,
    i.cif_30
FROM outcome AS o
JOIN latest AS l ON l.workflow_id = o.workflow_id AND l.objective_version IS NOT DISTINCT FROM o.objective_version
LEFT JOIN incidence AS i
    ON i.workflow_id = o.workflow_id AND i.objective_version = o.objective_version
    AND i.branch_step_id = o.branch_step_id AND i.branch_label = o.branch_label;
