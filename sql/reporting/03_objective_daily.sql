-- [clear_objective_daily if report_scope] Forget the last daily series.
DELETE FROM report.objective_daily WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_objective_daily if report_scope] Each happening is a signed count on a local date; levels are running sums, and stand until the next.
INSERT INTO report.objective_daily BY NAME
WITH series AS MATERIALIZED (
    -- numbered: three texts in every window below would cost more than the sums
    SELECT
        ROW_NUMBER() OVER () AS series_no,
        workflow_id,
        MAX(workflow_version) AS workflow_version,
        objective_version,
        arm
    FROM runs
    GROUP BY workflow_id, objective_version, arm
),
run AS MATERIALIZED (
    SELECT
        s.series_no,
        f.run_id,
        f.workflow_id,
        f.workflow_version,
        f.object,
        f.customer_id,
        f.entered_at,
        f.entered_date,
        f.exited_at,
        f.first_met_at,
        f.met_in_window,
        f.matured AND NOT f.met_at_entry AS counts,
        CAST(f.matures_at AS DATE) AS matures_date,
        CAST(GREATEST(f.matures_at, f.first_met_at) AS DATE) AS counts_met_date
    FROM runs AS f
    JOIN series AS s
        ON s.workflow_id = f.workflow_id AND s.objective_version IS NOT DISTINCT FROM f.objective_version AND s.arm = f.arm
),
spell AS (
    -- spells of what was seen of the objective and its measure while the run is inside
    SELECT
        f.series_no,
        o.is_met,
        CAST(o.measure AS DECIMAL(38, 6)) AS measure,
        w.measure_value IS NOT NULL AS has_measure,
        CAST(GREATEST(o.observed_at, f.entered_at) AS DATE) AS from_date,
        CAST(LEAST(o.next_at, f.exited_at) AS DATE) AS to_date
    FROM (
        SELECT
            participant_id,
            observed_at,
            is_met,
            measure,
            LEAD(observed_at) OVER (PARTITION BY participant_id ORDER BY observed_at) AS next_at
        FROM state.observations
    ) AS o
    JOIN run AS f ON f.run_id = o.participant_id
    JOIN live.workflows AS w ON w.workflow = f.workflow_id AND w.version = f.workflow_version
    WHERE f.exited_at IS NULL OR o.observed_at < f.exited_at
),
level_change AS (
    SELECT
        series_no,
        date,
        SUM(n) FILTER (WHERE is_met) AS met_active,
        SUM(n) FILTER (WHERE measure IS NOT NULL) AS valued,
        SUM(n) FILTER (WHERE has_measure AND measure IS NULL) AS unvalued,
        -- decimals add up to the same in whatever order, and come back to zero
        SUM(n * measure) AS value_sum
    FROM (
        SELECT series_no, from_date AS date, is_met, measure, has_measure, 1 AS n
        FROM spell
        UNION ALL
        SELECT series_no, to_date, is_met, measure, has_measure, -1
        FROM spell
        WHERE to_date IS NOT NULL
    )
    GROUP BY series_no, date
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
        SELECT series_no, object, customer_id, date, SUM(runs) AS runs, SUM(met) AS met
        FROM (
            SELECT series_no, object, customer_id, matures_date AS date, 1 AS runs, 0 AS met
            FROM run
            WHERE counts
            UNION ALL
            SELECT series_no, object, customer_id, counts_met_date, 0, 1
            FROM run
            WHERE counts AND met_in_window
        )
        GROUP BY series_no, object, customer_id, date
    )
    WINDOW so_far AS (PARTITION BY series_no, object, customer_id ORDER BY date ROWS UNBOUNDED PRECEDING)
),
weight_change AS (
    SELECT
        series_no,
        date,
        COUNT(*) FILTER (WHERE runs_before = 0) AS customers,
        SUM(runs) AS matured,
        SUM(met) AS matured_met,
        SUM(met_after * met_after - met_before * met_before) AS met_met,
        SUM(met_after * runs_after - met_before * runs_before) AS met_runs,
        SUM(runs_after * runs_after - runs_before * runs_before) AS runs_runs
    FROM customer_sum
    GROUP BY series_no, date
),
count_change AS (
    SELECT
        series_no,
        date,
        COUNT(*) FILTER (WHERE kind = 'entered') AS entered,
        COUNT(*) FILTER (WHERE kind = 'exited') AS exited,
        COUNT(*) FILTER (WHERE kind = 'first_met') AS first_met,
        COUNT(*) FILTER (WHERE kind = 'planned') AS planned,
        COUNT(*) FILTER (WHERE kind = 'sent') AS sent,
        COUNT(*) FILTER (WHERE kind = 'failed') AS failed
    FROM (
        SELECT series_no, 'entered' AS kind, entered_date AS date FROM run
        UNION ALL
        SELECT series_no, 'exited', CAST(exited_at AS DATE) FROM run WHERE exited_at IS NOT NULL
        UNION ALL
        SELECT series_no, 'first_met', CAST(first_met_at AS DATE) FROM run WHERE met_in_window
        UNION ALL
        SELECT f.series_no, 'planned', CAST(a.planned_at AS DATE)
        FROM outbox.actions AS a
        JOIN run AS f ON f.run_id = a.participant_id
        UNION ALL
        SELECT f.series_no, a.status, CAST(a.status_at AS DATE)
        FROM outbox.actions AS a
        JOIN run AS f ON f.run_id = a.participant_id
        WHERE a.status IN ('sent', 'failed')
    )
    GROUP BY series_no, date
),
summed AS (
    -- one row a date on which anything happened
    SELECT
        series_no,
        date,
        COALESCE(LEAD(date) OVER so_far - 1, CAST($as_of AS DATE)) AS last_date,
        COALESCE(c.entered, 0) AS entered,
        COALESCE(c.exited, 0) AS exited,
        COALESCE(c.first_met, 0) AS first_met,
        COALESCE(c.planned, 0) AS planned,
        COALESCE(c.sent, 0) AS sent,
        COALESCE(c.failed, 0) AS failed,
        SUM(COALESCE(c.entered, 0) - COALESCE(c.exited, 0)) OVER so_far AS active_count,
        COALESCE(SUM(l.met_active) OVER so_far, 0) AS met_active_count,
        COALESCE(SUM(l.valued) OVER so_far, 0) AS valued_count,
        COALESCE(SUM(l.unvalued) OVER so_far, 0) AS unvalued_count,
        CAST(SUM(l.value_sum) OVER so_far AS DOUBLE) AS value_sum,
        SUM(w.customers) OVER so_far AS customer_count,
        SUM(w.met_met) OVER so_far AS met_met,
        SUM(w.met_runs) OVER so_far AS met_runs,
        SUM(w.runs_runs) OVER so_far AS runs_runs,
        SUM(COALESCE(c.entered, 0)) OVER so_far AS entered_cum,
        SUM(COALESCE(c.first_met, 0)) OVER so_far AS met_cum,
        COALESCE(SUM(w.matured) OVER so_far, 0) AS matured_count,
        COALESCE(SUM(w.matured_met) OVER so_far, 0) AS matured_met_count
    FROM count_change AS c
    FULL JOIN level_change AS l USING (series_no, date)
    FULL JOIN weight_change AS w USING (series_no, date)
    WHERE date <= CAST($as_of AS DATE)
    WINDOW so_far AS (PARTITION BY series_no ORDER BY date ROWS UNBOUNDED PRECEDING)
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
),
judged AS (
    SELECT
        *,
        wilson_lo(met_share * n_eff, n_eff) AS met_lo,
        wilson_hi(met_share * n_eff, n_eff) AS met_hi,
        UNNEST(range(last_date - date + 1)) AS days_on
    FROM weighed
)
SELECT
    s.workflow_id,
    s.workflow_version,
    s.objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    s.arm,
    CAST(j.date + CAST(j.days_on AS INTEGER) AS DATE) AS date,
    CASE j.days_on WHEN 0 THEN j.entered ELSE 0 END AS entered_count,
    CASE j.days_on WHEN 0 THEN j.exited ELSE 0 END AS exited_count,
    CASE j.days_on WHEN 0 THEN j.first_met ELSE 0 END AS first_met_count,
    j.active_count,
    j.met_active_count,
    j.entered_cum,
    j.met_cum,
    j.matured_count,
    j.matured_met_count,
    j.met_share,
    j.met_lo,
    j.met_hi,
    j.n_eff,
    j.value_sum / NULLIF(j.valued_count, 0) AS value_mean,
    j.unvalued_count / NULLIF(j.valued_count + j.unvalued_count, 0) AS null_share,
    CASE j.days_on WHEN 0 THEN j.planned ELSE 0 END AS actions_planned_count,
    CASE j.days_on WHEN 0 THEN j.sent ELSE 0 END AS actions_sent_count,
    CASE j.days_on WHEN 0 THEN j.failed ELSE 0 END AS actions_failed_count
FROM judged AS j
JOIN series AS s ON s.series_no = j.series_no;
