-- [make_uplift_due] The objectives that are compared with a hold-out and were not yet today.
CREATE OR REPLACE TEMP TABLE uplift_due AS
SELECT w.workflow AS workflow_id, w.objective_version
FROM live.workflows AS w
WHERE w.holdout_share > 0 AND w.objective_version IS NOT NULL
    AND NOT EXISTS (
        SELECT 1
        FROM report.uplift AS u
        WHERE u.workflow_id = w.workflow AND u.objective_version = w.objective_version AND u.date >= CAST($as_of AS DATE)
    )
GROUP BY w.workflow, w.objective_version;

-- [note_uplift if uplift_due] Treatment against hold-out, one row a day: the first run of a customer that could have been held out decides arm and outcome.
INSERT INTO report.uplift BY NAME
WITH drawn AS MATERIALIZED (
    -- a version without a hold-out draws nobody: its runs came at other times and compare with nothing
    SELECT f.*, w.holdout_share
    FROM report.run_fact AS f
    JOIN live.workflows AS w ON w.workflow = f.workflow_id AND w.version = f.workflow_version
    JOIN uplift_due AS u ON u.workflow_id = f.workflow_id AND u.objective_version = f.objective_version
    WHERE w.holdout_share > 0
),
first AS MATERIALIZED (
    SELECT *
    FROM drawn
    QUALIFY ROW_NUMBER() OVER (PARTITION BY workflow_id, objective_version, customer_id ORDER BY entered_at, entry_no, run_id) = 1
),
series AS (
    SELECT
        workflow_id,
        objective_version,
        MAX(workflow_version) AS workflow_version,
        ARG_MIN(maturity_days, (entered_at, run_id)) AS h_days,
        MAX(matures_at) AS last_matures_at
    FROM drawn
    GROUP BY workflow_id, objective_version
    UNION ALL
    -- nobody came yet
    SELECT w.workflow, w.objective_version, w.version, CAST(CEIL(w.longest_stay_days) AS INTEGER) + 30, NULL
    FROM live.workflows AS w
    JOIN uplift_due AS u ON u.workflow_id = w.workflow AND u.objective_version = w.objective_version
    WHERE w.is_current AND w.holdout_share > 0 AND w.state <> 'draft'
        AND NOT EXISTS (SELECT 1 FROM drawn AS d WHERE d.workflow_id = w.workflow AND d.objective_version = w.objective_version)
),
leak AS (
    SELECT f.workflow_id, f.objective_version, COUNT(DISTINCT f.customer_id) AS holdout_leak_count
    FROM first AS f
    JOIN report.run_fact AS t
        ON t.workflow_id = f.workflow_id AND t.customer_id = f.customer_id AND t.arm = 'treatment'
        AND t.entered_at >= f.entered_at AND t.entered_at < f.matures_at
    WHERE f.arm = 'holdout'
    GROUP BY f.workflow_id, f.objective_version
),
outcome AS (
    SELECT
        f.workflow_id,
        f.objective_version,
        f.arm,
        f.holdout_share,
        -- the entry alone says when a run counts: who met it early does not count early
        NOT f.met_at_entry AND f.entered_at + to_days(LEAST(s.h_days, f.maturity_days)) <= $as_of AS counts,
        COALESCE(f.first_met_at <= f.entered_at + to_days(LEAST(s.h_days, f.maturity_days)), FALSE) AS met
    FROM first AS f
    JOIN series AS s ON s.workflow_id = f.workflow_id AND s.objective_version = f.objective_version
),
counted AS (
    SELECT
        workflow_id,
        objective_version,
        COUNT(*) FILTER (WHERE arm = 'treatment') AS assigned_treat_count,
        COUNT(*) FILTER (WHERE arm = 'holdout') AS assigned_hold_count,
        ROUND(AVG(holdout_share), 6) AS holdout_share,
        COUNT(*) FILTER (WHERE counts AND arm = 'treatment') AS n_treat,
        COUNT(*) FILTER (WHERE counts AND arm = 'treatment' AND met) AS x_treat,
        COUNT(*) FILTER (WHERE counts AND arm = 'holdout') AS n_hold,
        COUNT(*) FILTER (WHERE counts AND arm = 'holdout' AND met) AS x_hold
    FROM outcome
    GROUP BY workflow_id, objective_version
),
logrank AS (
    SELECT
        workflow_id,
        objective_version,
        pow(SUM(d1 - d * n1 / n), 2) / NULLIF(SUM(CASE WHEN n > 1 THEN d * (n1 / n) * (n2 / n) * (n - d) / (n - 1) END), 0) AS logrank_chi2
    FROM (
        SELECT
            t.workflow_id,
            t.objective_version,
            t.d_objective AS d1,
            t.at_risk AS n1,
            h.at_risk AS n2,
            t.d_objective + h.d_objective AS d,
            t.at_risk + h.at_risk AS n
        FROM report.objective_survival AS t
        JOIN report.objective_survival AS h
            ON h.workflow_id = t.workflow_id AND h.objective_version = t.objective_version AND h.day_no = t.day_no
        WHERE t.arm = 'treatment' AND h.arm = 'holdout' AND t.cohort = 'all' AND h.cohort = 'all'
    )
    GROUP BY workflow_id, objective_version
),
whole AS (
    SELECT
        s.workflow_id,
        s.workflow_version,
        s.objective_version,
        s.h_days,
        COALESCE(c.n_treat, 0) AS n1,
        COALESCE(c.x_treat, 0) AS x1,
        COALESCE(c.n_hold, 0) AS n2,
        COALESCE(c.x_hold, 0) AS x2,
        COALESCE(c.assigned_treat_count, 0) AS assigned_treat_count,
        COALESCE(c.assigned_hold_count, 0) AS assigned_hold_count,
        COALESCE(c.holdout_share, w.holdout_share) AS holdout_share,
        COALESCE(l.holdout_leak_count, 0) AS holdout_leak_count,
        r.logrank_chi2,
        COALESCE(
            (SELECT ARG_MIN(u.n_star, u.date) FROM report.uplift AS u WHERE u.workflow_id = s.workflow_id AND u.objective_version = s.objective_version),
            w.decision_n
        ) AS n_star
    FROM series AS s
    JOIN (
        SELECT *, COALESCE(CAST(json_extract_string(definition, '$.objective.decide_at') AS INTEGER), decision_customers()) AS decision_n FROM live.workflows
    ) AS w ON w.workflow = s.workflow_id AND w.is_current
    LEFT JOIN counted AS c ON c.workflow_id = s.workflow_id AND c.objective_version = s.objective_version
    LEFT JOIN leak AS l ON l.workflow_id = s.workflow_id AND l.objective_version = s.objective_version
    LEFT JOIN logrank AS r ON r.workflow_id = s.workflow_id AND r.objective_version = s.objective_version
    -- an objective that was changed is compared until its last run has matured
    WHERE w.objective_version = s.objective_version OR s.last_matures_at + to_days(1) > $as_of
),
interval AS (
    SELECT
        *,
        ratio_p(assigned_treat_count, assigned_hold_count, holdout_share) AS srm_p,
        always_lo(x1, n1, x2, n2, n_star) AS lo,
        always_hi(x1, n1, x2, n2, n_star) AS hi
    FROM whole
),
judged AS (
    SELECT *, uplift_verdict(srm_p, holdout_leak_count / NULLIF(assigned_hold_count, 0), n1, n2, lo, hi) AS verdict
    FROM interval
)
SELECT
    workflow_id,
    workflow_version,
    objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    CAST($as_of AS DATE) AS date,
    h_days,
    n1 AS n_treat,
    x1 AS x_treat,
    n2 AS n_hold,
    x2 AS x_hold,
    100 * (x1 / NULLIF(n1, 0) - x2 / NULLIF(n2, 0)) AS diff_points,
    100 * lo AS av_lo_points,
    100 * hi AS av_hi_points,
    always_p(x1, n1, x2, n2, n_star) AS av_p,
    100 * newcombe_lo(x1, n1, x2, n2) AS one_look_lo_points,
    100 * newcombe_hi(x1, n1, x2, n2) AS one_look_hi_points,
    p_better(x1, n1, x2, n2) AS p_better,
    logrank_chi2,
    chi2_p(logrank_chi2) AS logrank_p,
    assigned_treat_count,
    assigned_hold_count,
    holdout_share,
    srm_p,
    holdout_leak_count,
    n_star,
    verdict,
    customers_more(verdict, x1, n1, x2, n2, holdout_share) AS more_needed
FROM judged;
