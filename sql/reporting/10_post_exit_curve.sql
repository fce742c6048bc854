-- [clear_post_exit_curve if report_scope] Forget the curves of workflows that are made anew.
DELETE FROM report.post_exit_curve WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_post_exit_curve if report_scope] What was last seen by each day around the exit, and since the entry, while a run was watched.
INSERT INTO report.post_exit_curve BY NAME
WITH anchored AS (
    SELECT
        f.run_id,
        f.workflow_id,
        f.objective_version,
        f.arm,
        CAST(f.first_met_at AS DATE) AS met_date,
        a.anchor,
        a.anchor_date,
        GREATEST(f.entered_date, a.anchor_date - 14) AS from_date,
        LEAST(CAST(p.watched_until AS DATE), CAST($as_of AS DATE), a.anchor_date + a.days) AS to_date
    FROM runs AS f
    JOIN state.participants AS p ON p.participant_id = f.run_id
    CROSS JOIN LATERAL (
        SELECT 'entry' AS anchor, f.entered_date AS anchor_date, f.maturity_days AS days
        UNION ALL
        SELECT 'exit', CAST(f.exited_at AS DATE), 30 WHERE f.arm = 'treatment' AND f.exited_at IS NOT NULL
    ) AS a
    WHERE f.matured AND NOT f.met_at_entry AND f.objective_version IS NOT NULL
),
spell AS (
    -- of several observations on one date the last is that of the day
    SELECT
        run_id,
        observed_date,
        is_met,
        measure,
        COALESCE(LEAD(observed_date) OVER (PARTITION BY run_id ORDER BY observed_date) - 1, DATE 'infinity') AS last_date
    FROM (
        SELECT
            o.participant_id AS run_id,
            CAST(o.observed_at AS DATE) AS observed_date,
            ARG_MAX(o.is_met, o.observed_at) AS is_met,
            ARG_MAX_NULL(o.measure, o.observed_at) AS measure
        FROM state.observations AS o
        JOIN runs AS f ON f.run_id = o.participant_id
        GROUP BY o.participant_id, CAST(o.observed_at AS DATE)
    )
),
seen AS (
    SELECT
        a.workflow_id,
        a.objective_version,
        a.arm,
        a.anchor,
        UNNEST(range(
            GREATEST(a.from_date, s.observed_date) - a.anchor_date,
            LEAST(a.to_date, s.last_date) - a.anchor_date + 1
        )) AS day_no,
        a.met_date - a.anchor_date AS met_day,
        s.is_met,
        s.measure
    FROM anchored AS a
    JOIN spell AS s ON s.run_id = a.run_id AND s.observed_date <= a.to_date AND s.last_date >= a.from_date
),
latest AS (
    SELECT workflow_id, objective_version, MAX(workflow_version) AS workflow_version FROM runs GROUP BY ALL
),
day AS (
    SELECT
        workflow_id,
        objective_version,
        arm,
        anchor,
        day_no,
        COUNT(*) AS n_observed,
        COUNT(measure) AS n,
        -- decimals add up to the same in whatever order
        CAST(SUM(CAST(measure AS DECIMAL(38, 6))) AS DOUBLE) / NULLIF(COUNT(measure), 0) AS value_mean,
        CAST(SUM(CAST(measure * measure AS DECIMAL(38, 6))) AS DOUBLE) AS squares,
        QUANTILE_CONT(measure, 0.5) AS value_p50,
        COUNT(*) FILTER (WHERE is_met) / COUNT(*) AS met_share,
        COUNT(*) FILTER (WHERE met_day <= day_no) / COUNT(*) AS met_cum_share
    FROM seen
    GROUP BY workflow_id, objective_version, arm, anchor, day_no
),
spread AS (
    SELECT *, paired_half_width(sqrt(GREATEST(squares - n * value_mean * value_mean, 0) / NULLIF(n - 1, 0)), n) AS half FROM day
)
SELECT
    d.workflow_id,
    l.workflow_version,
    d.objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    d.arm,
    d.anchor,
    d.day_no,
    d.n_observed,
    d.value_mean,
    d.value_p50,
    d.value_mean - d.half AS value_lo,
    d.value_mean + d.half AS value_hi,
    d.met_share,
    d.met_cum_share
FROM spread AS d
JOIN latest AS l ON l.workflow_id = d.workflow_id AND l.objective_version = d.objective_version;

-- [clear_objective_impact if report_scope] Forget the impact of workflows that are made anew.
DELETE FROM report.objective_impact WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_objective_impact if report_scope] The measure of the same matured runs at two instants. Low starters rise by themselves: compare entry_h of both arms.
INSERT INTO report.objective_impact BY NAME
WITH pair AS (
    SELECT f.workflow_id, f.objective_version, f.arm, v.pair, v.value_from, v.value_to
    FROM runs AS f
    CROSS JOIN LATERAL (
        SELECT 'entry_exit' AS pair, f.value_entry AS value_from, f.value_exit AS value_to
        UNION ALL
        SELECT 'entry_exit30', f.value_entry, f.value_exit30
        UNION ALL
        SELECT 'exit_exit30', f.value_exit, f.value_exit30
        UNION ALL
        SELECT 'entry_h', f.value_entry, f.value_h
    ) AS v
    WHERE f.matured AND NOT f.met_at_entry AND f.objective_version IS NOT NULL AND v.value_from IS NOT NULL AND v.value_to IS NOT NULL
),
latest AS (
    SELECT workflow_id, objective_version, MAX(workflow_version) AS workflow_version FROM runs GROUP BY ALL
),
total AS (
    SELECT
        workflow_id,
        objective_version,
        arm,
        pair,
        COUNT(*) AS n,
        -- decimals add up to the same in whatever order
        CAST(SUM(CAST(value_from AS DECIMAL(38, 6))) AS DOUBLE) / COUNT(*) AS mean_from,
        CAST(SUM(CAST(value_to AS DECIMAL(38, 6))) AS DOUBLE) / COUNT(*) AS mean_to,
        CAST(SUM(CAST(value_to - value_from AS DECIMAL(38, 6))) AS DOUBLE) / COUNT(*) AS mean_diff,
        CAST(SUM(CAST((value_to - value_from) * (value_to - value_from) AS DECIMAL(38, 6))) AS DOUBLE) AS squares
    FROM pair
    GROUP BY workflow_id, objective_version, arm, pair
),
spread AS (
    SELECT *, paired_half_width(sqrt(GREATEST(squares - n * mean_diff * mean_diff, 0) / NULLIF(n - 1, 0)), n) AS half FROM total
)
SELECT
    t.workflow_id,
    l.workflow_version,
    t.objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    t.arm,
    t.pair,
    t.n AS n_pairs,
    t.mean_from,
    t.mean_to,
    (t.mean_to - t.mean_from) / NULLIF(t.mean_from, 0) AS change_share,
    t.mean_diff,
    t.mean_diff - t.half AS diff_lo,
    t.mean_diff + t.half AS diff_hi
FROM spread AS t
JOIN latest AS l ON l.workflow_id = t.workflow_id AND l.objective_version = t.objective_version;
