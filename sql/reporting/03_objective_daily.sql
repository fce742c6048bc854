-- [clear_objective_daily] Forget the last daily series.
DELETE FROM report.objective_daily WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_objective_daily] Each happening is a signed count on a local date; days add them up, levels are their running sums.
INSERT INTO report.objective_daily BY NAME
WITH spell AS (
    -- spells of the objective being true while the run is inside
    SELECT
        f.workflow_id,
        f.objective_version,
        f.arm,
        GREATEST(o.observed_at, f.entered_at) AS met_from,
        LEAST(o.next_at, f.exited_at) AS met_to
    FROM (
        SELECT
            participant_id,
            observed_at,
            is_met,
            LEAD(observed_at) OVER (PARTITION BY participant_id ORDER BY observed_at) AS next_at
        FROM state.observations
    ) AS o
    JOIN runs AS f ON f.run_id = o.participant_id
    WHERE o.is_met AND (f.exited_at IS NULL OR o.observed_at < f.exited_at)
),
happening AS (
    SELECT workflow_id, objective_version, arm, entered_date AS date, 'entered' AS kind, COUNT(*) AS n
    FROM runs
    GROUP BY ALL
    UNION ALL
    SELECT workflow_id, objective_version, arm, CAST(exited_at AS DATE), 'exited', COUNT(*)
    FROM runs
    WHERE exited_at IS NOT NULL
    GROUP BY ALL
    UNION ALL
    SELECT workflow_id, objective_version, arm, CAST(first_met_at AS DATE), 'first_met', COUNT(*)
    FROM runs
    WHERE met_in_window
    GROUP BY ALL
    UNION ALL
    SELECT workflow_id, objective_version, arm, CAST(matures_at AS DATE), 'matured', COUNT(*)
    FROM runs
    WHERE matured AND NOT met_at_entry
    GROUP BY ALL
    UNION ALL
    SELECT workflow_id, objective_version, arm, CAST(GREATEST(matures_at, first_met_at) AS DATE), 'matured_met', COUNT(*)
    FROM runs
    WHERE matured AND met_in_window
    GROUP BY ALL
    UNION ALL
    SELECT workflow_id, objective_version, arm, CAST(met_from AS DATE), 'met_active', COUNT(*)
    FROM spell
    GROUP BY ALL
    UNION ALL
    SELECT workflow_id, objective_version, arm, CAST(met_to AS DATE), 'met_active', -COUNT(*)
    FROM spell
    WHERE met_to IS NOT NULL
    GROUP BY ALL
    UNION ALL
    SELECT f.workflow_id, f.objective_version, f.arm, CAST(a.planned_at AS DATE), 'planned', COUNT(*)
    FROM outbox.actions AS a
    JOIN runs AS f ON f.run_id = a.participant_id
    GROUP BY ALL
    UNION ALL
    SELECT f.workflow_id, f.objective_version, f.arm, CAST(a.status_at AS DATE), a.status, COUNT(*)
    FROM outbox.actions AS a
    JOIN runs AS f ON f.run_id = a.participant_id
    WHERE a.status IN ('sent', 'failed')
    GROUP BY ALL
),
series AS (
    SELECT workflow_id, MAX(workflow_version) AS workflow_version, objective_version, arm, MIN(entered_date) AS first_date
    FROM runs
    GROUP BY workflow_id, objective_version, arm
),
day AS (
    SELECT
        s.workflow_id,
        s.workflow_version,
        s.objective_version,
        s.arm,
        CAST(UNNEST(generate_series(CAST(s.first_date AS TIMESTAMP), CAST(CAST($as_of AS DATE) AS TIMESTAMP), INTERVAL 1 DAY)) AS DATE) AS date
    FROM series AS s
),
counted AS (
    SELECT
        d.workflow_id,
        d.workflow_version,
        d.objective_version,
        d.arm,
        d.date,
        COALESCE(SUM(h.n) FILTER (WHERE h.kind = 'entered'), 0) AS entered_count,
        COALESCE(SUM(h.n) FILTER (WHERE h.kind = 'exited'), 0) AS exited_count,
        COALESCE(SUM(h.n) FILTER (WHERE h.kind = 'first_met'), 0) AS first_met_count,
        COALESCE(SUM(h.n) FILTER (WHERE h.kind = 'matured'), 0) AS matured,
        COALESCE(SUM(h.n) FILTER (WHERE h.kind = 'matured_met'), 0) AS matured_met,
        COALESCE(SUM(h.n) FILTER (WHERE h.kind = 'met_active'), 0) AS met_active,
        COALESCE(SUM(h.n) FILTER (WHERE h.kind = 'planned'), 0) AS actions_planned_count,
        COALESCE(SUM(h.n) FILTER (WHERE h.kind = 'sent'), 0) AS actions_sent_count,
        COALESCE(SUM(h.n) FILTER (WHERE h.kind = 'failed'), 0) AS actions_failed_count
    FROM day AS d
    LEFT JOIN happening AS h
        ON h.workflow_id = d.workflow_id
        AND h.objective_version IS NOT DISTINCT FROM d.objective_version
        AND h.arm = d.arm
        AND h.date = d.date
    GROUP BY d.workflow_id, d.workflow_version, d.objective_version, d.arm, d.date
),
summed AS (
    SELECT
        workflow_id,
        workflow_version,
        objective_version,
        arm,
        date,
        entered_count,
        exited_count,
        first_met_count,
        SUM(entered_count - exited_count) OVER so_far AS active_count,
        SUM(met_active) OVER so_far AS met_active_count,
        SUM(entered_count) OVER so_far AS entered_cum,
        SUM(first_met_count) OVER so_far AS met_cum,
        SUM(matured) OVER so_far AS matured_count,
        SUM(matured_met) OVER so_far AS matured_met_count,
        actions_planned_count,
        actions_sent_count,
        actions_failed_count
    FROM counted
    WINDOW so_far AS (PARTITION BY workflow_id, objective_version, arm ORDER BY date ROWS UNBOUNDED PRECEDING)
)
SELECT
    workflow_id,
    workflow_version,
    objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    arm,
    date,
    entered_count,
    exited_count,
    first_met_count,
    active_count,
    met_active_count,
    entered_cum,
    met_cum,
    matured_count,
    matured_met_count,
    matured_met_count / NULLIF(matured_count, 0) AS met_share,
    wilson_lo(matured_met_count, matured_count) AS met_lo,
    wilson_hi(matured_met_count, matured_count) AS met_hi,
    actions_planned_count,
    actions_sent_count,
    actions_failed_count
FROM summed;
