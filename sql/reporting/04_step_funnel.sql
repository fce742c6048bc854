-- [clear_step_funnel if report_scope] Forget the last funnel.
DELETE FROM report.step_funnel WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_step_funnel if report_scope] For each step: who came, who rests, who left from here; the others moved on. Hops tell what was passed.
INSERT INTO report.step_funnel BY NAME
WITH step AS (
    SELECT w.workflow, w.objective_version, s.step_id, MAX(w.version) AS workflow_version
    FROM live.steps AS s
    JOIN live.workflows AS w ON w.workflow = s.workflow AND w.version = s.version
    JOIN report_scope AS c ON c.workflow_id = s.workflow
    GROUP BY w.workflow, w.objective_version, s.step_id
),
reached AS (
    SELECT t.participant_id, h.step_id
    FROM state.transitions AS t
    JOIN live.hop_path AS h ON h.hop_id = t.hop_id
    UNION
    SELECT t.participant_id, t.to_step
    FROM state.transitions AS t
    WHERE t.kind = 'moved' AND t.to_step NOT LIKE '(%'
),
visit AS (
    SELECT
        f.workflow_id,
        f.objective_version,
        r.step_id,
        f.entered_at + to_days(f.d_max_days) <= $as_of AS is_eligible,
        f.current_step_id = r.step_id AS is_here,
        f.last_step_id = r.step_id AND f.status <> 'completed' AS has_left,
        f.late,
        f.status
    FROM reached AS r
    JOIN runs AS f ON f.run_id = r.participant_id
    WHERE f.arm = 'treatment'
),
counted AS (
    SELECT
        workflow_id,
        objective_version,
        step_id,
        COUNT(*) AS reached_count,
        COUNT(*) FILTER (WHERE is_here) AS here_count,
        COUNT(*) FILTER (WHERE has_left) AS left_count,
        COUNT(*) FILTER (WHERE is_here AND late) AS late_count,
        COUNT(*) FILTER (WHERE is_here AND status = 'error') AS error_count,
        COUNT(*) FILTER (WHERE is_eligible) AS eligible_reached_count
    FROM visit
    GROUP BY workflow_id, objective_version, step_id
),
base AS (
    -- of the runs that entered long enough ago, those whose flow had the step
    SELECT f.workflow_id, f.objective_version, s.step_id, COUNT(*) AS eligible_count
    FROM runs AS f
    JOIN state.participants AS p ON p.participant_id = f.run_id
    JOIN live.steps AS s ON s.workflow = p.workflow AND s.version = p.flow_version
    WHERE f.arm = 'treatment' AND f.entered_at + to_days(f.d_max_days) <= $as_of
    GROUP BY f.workflow_id, f.objective_version, s.step_id
),
skipped AS (
    SELECT f.workflow_id, f.objective_version, a.step_id, COUNT(DISTINCT f.run_id) AS skipped_count
    FROM outbox.actions AS a
    JOIN runs AS f ON f.run_id = a.participant_id
    WHERE a.status IN ('dropped', 'cancelled')
    GROUP BY f.workflow_id, f.objective_version, a.step_id
),
stay AS (
    SELECT
        f.workflow_id,
        f.objective_version,
        a.to_step AS step_id,
        QUANTILE_DISC(date_diff('day', CAST(a.happened_at AS DATE), CAST(d.happened_at AS DATE)), 0.5) AS median_stay_days,
        QUANTILE_DISC(date_diff('day', CAST(a.happened_at AS DATE), CAST(d.happened_at AS DATE)), 0.9) AS p90_stay_days
    FROM state.transitions AS a
    JOIN state.transitions AS d
        ON d.participant_id = a.participant_id AND d.from_step = a.to_step AND d.kind IN ('moved', 'completed', 'exited')
    JOIN runs AS f ON f.run_id = a.participant_id
    WHERE a.kind = 'moved' AND f.arm = 'treatment'
    GROUP BY f.workflow_id, f.objective_version, a.to_step
)
SELECT
    s.workflow AS workflow_id,
    s.workflow_version,
    s.objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    s.step_id,
    'all' AS cohort,
    COALESCE(c.reached_count, 0) AS reached_count,
    COALESCE(c.reached_count - c.here_count - c.left_count, 0) AS completed_count,
    COALESCE(c.here_count, 0) AS here_count,
    COALESCE(c.left_count, 0) AS left_count,
    COALESCE(c.late_count, 0) AS late_count,
    COALESCE(c.error_count, 0) AS error_count,
    COALESCE(b.eligible_count, 0) AS eligible_count,
    COALESCE(c.eligible_reached_count, 0) AS eligible_reached_count,
    COALESCE(c.eligible_reached_count, 0) / NULLIF(b.eligible_count, 0) AS reach_share,
    (c.reached_count - c.here_count - c.left_count) / NULLIF(c.reached_count - c.here_count, 0) AS pass_share,
    y.median_stay_days,
    y.p90_stay_days,
    COALESCE(k.skipped_count, 0) AS skipped_count
FROM step AS s
LEFT JOIN counted AS c
    ON c.workflow_id = s.workflow AND c.objective_version IS NOT DISTINCT FROM s.objective_version AND c.step_id = s.step_id
LEFT JOIN base AS b
    ON b.workflow_id = s.workflow AND b.objective_version IS NOT DISTINCT FROM s.objective_version AND b.step_id = s.step_id
LEFT JOIN stay AS y
    ON y.workflow_id = s.workflow AND y.objective_version IS NOT DISTINCT FROM s.objective_version AND y.step_id = s.step_id
LEFT JOIN skipped AS k
    ON k.workflow_id = s.workflow AND k.objective_version IS NOT DISTINCT FROM s.objective_version AND k.step_id = s.step_id;
