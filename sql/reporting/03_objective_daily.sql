-- [clear_objective_daily] Forget the last daily series.
DELETE FROM report.objective_daily WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_objective_daily] Each happening is a signed count on a local date; days add them up, levels are their running sums.
INSERT INTO report.objective_daily BY NAME
WITH spell AS (
    -- spells of what was seen of the objective and its measure while the run is inside
    SELECT
        f.workflow_id,
        f.objective_version,
        f.arm,
        o.is_met,
        CAST(o.measure AS DECIMAL(38, 6)) AS measure,
        w.measure_value IS NOT NULL AS has_measure,
        GREATEST(o.observed_at, f.entered_at) AS seen_from,
        LEAST(o.next_at, f.exited_at) AS seen_to
    FROM (
        SELECT
            participant_id,
            observed_at,
            is_met,
            measure,
            LEAD(observed_at) OVER (PARTITION BY participant_id ORDER BY observed_at) AS next_at
        FROM state.observations
    ) AS o
    JOIN runs AS f ON f.run_id = o.participant_id
    JOIN live.workflows AS w ON w.workflow = f.workflow_id AND w.version = f.workflow_version
    WHERE f.exited_at IS NULL OR o.observed_at < f.exited_at
),
level AS (
    SELECT workflow_id, objective_version, arm, CAST(seen_from AS DATE) AS date, is_met, measure, has_measure, 1 AS n
    FROM spell
    UNION ALL
    SELECT workflow_id, objective_version, arm, CAST(seen_to AS DATE), is_met, measure, has_measure, -1
    FROM spell
    WHERE seen_to IS NOT NULL
),
level_change AS (
    SELECT
        workflow_id,
        objective_version,
        arm,
        date,
        SUM(n) FILTER (WHERE is_met) AS met_active,
        SUM(n) FILTER (WHERE measure IS NOT NULL) AS valued,
        SUM(n) FILTER (WHERE has_measure AND measure IS NULL) AS unvalued,
        -- decimals add up to the same in whatever order, and come back to zero
        SUM(n * measure) AS value_sum
    FROM level
    GROUP BY workflow_id, objective_version, arm, date
),
matured_run AS (
    SELECT workflow_id, objective_version, arm, object, customer_id, CAST(matures_at AS DATE) AS date, 1 AS runs, 0 AS met
    FROM runs
    WHERE matured AND NOT met_at_entry
    UNION ALL
    SELECT workflow_id, objective_version, arm, object, customer_id, CAST(GREATEST(matures_at, first_met_at) AS DATE), 0, 1
    FROM runs
    WHERE matured AND met_in_window
),
customer_sum AS (
    -- each customer's matured runs and those that met, by day; their squares weigh customers who came more than once
    SELECT
        *,
        SUM(runs) OVER so_far AS runs_after,
        SUM(met) OVER so_far AS met_after,
        SUM(runs) OVER so_far - runs AS runs_before,
        SUM(met) OVER so_far - met AS met_before
    FROM (
        SELECT workflow_id, objective_version, arm, object, customer_id, date, SUM(runs) AS runs, SUM(met) AS met
        FROM matured_run
        GROUP BY ALL
    )
    WINDOW so_far AS (PARTITION BY workflow_id, objective_version, arm, object, customer_id ORDER BY date ROWS UNBOUNDED PRECEDING)
),
weight_change AS (
    SELECT
        workflow_id,
        objective_version,
        arm,
        date,
        COUNT(*) FILTER (WHERE runs_before = 0) AS customers,
        SUM(met_after * met_after - met_before * met_before) AS met_met,
        SUM(met_after * runs_after - met_before * runs_before) AS met_runs,
        SUM(runs_after * runs_after - runs_before * runs_before) AS runs_runs
    FROM customer_sum
    GROUP BY workflow_id, objective_version, arm, date
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
        c.workflow_id,
        c.workflow_version,
        c.objective_version,
        c.arm,
        c.date,
        c.entered_count,
        c.exited_count,
        c.first_met_count,
        SUM(c.entered_count - c.exited_count) OVER so_far AS active_count,
        COALESCE(SUM(l.met_active) OVER so_far, 0) AS met_active_count,
        COALESCE(SUM(l.valued) OVER so_far, 0) AS valued_count,
        COALESCE(SUM(l.unvalued) OVER so_far, 0) AS unvalued_count,
        CAST(SUM(l.value_sum) OVER so_far AS DOUBLE) AS value_sum,
        SUM(k.customers) OVER so_far AS customer_count,
        SUM(k.met_met) OVER so_far AS met_met,
        SUM(k.met_runs) OVER so_far AS met_runs,
        SUM(k.runs_runs) OVER so_far AS runs_runs,
        SUM(c.entered_count) OVER so_far AS entered_cum,
        SUM(c.first_met_count) OVER so_far AS met_cum,
        SUM(c.matured) OVER so_far AS matured_count,
        SUM(c.matured_met) OVER so_far AS matured_met_count,
        c.actions_planned_count,
        c.actions_sent_count,
        c.actions_failed_count
    FROM counted AS c
    LEFT JOIN level_change AS l
        ON l.workflow_id = c.workflow_id
        AND l.objective_version IS NOT DISTINCT FROM c.objective_version
        AND l.arm = c.arm
        AND l.date = c.date
    LEFT JOIN weight_change AS k
        ON k.workflow_id = c.workflow_id
        AND k.objective_version IS NOT DISTINCT FROM c.objective_version
        AND k.arm = c.arm
        AND k.date = c.date
    WINDOW so_far AS (PARTITION BY c.workflow_id, c.objective_version, c.arm ORDER BY c.date ROWS UNBOUNDED PRECEDING)
),
weighed AS (
    SELECT
        *,
        matured_met_count / NULLIF(matured_count, 0) AS met_share,
        effective_n(
            CAST(matured_met_count AS BIGINT), CAST(matured_count AS BIGINT), CAST(customer_count AS BIGINT),
            CAST(met_met AS BIGINT), CAST(met_runs AS BIGINT), CAST(runs_runs AS BIGINT)
        ) AS n_eff
    FROM summed
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
    met_share,
    wilson_lo(met_share * n_eff, n_eff) AS met_lo,
    wilson_hi(met_share * n_eff, n_eff) AS met_hi,
    n_eff,
    value_sum / NULLIF(valued_count, 0) AS value_mean,
    unvalued_count / NULLIF(valued_count + unvalued_count, 0) AS null_share,
    actions_planned_count,
    actions_sent_count,
    actions_failed_count
FROM weighed;
