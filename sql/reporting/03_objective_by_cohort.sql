-- [clear_objective_by_cohort if report_scope] Forget the last weeks of entry.
DELETE FROM report.objective_by_cohort WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_objective_by_cohort if report_scope] By week of entry: who met the objective within so many days, judged once the whole week was followed that long.
INSERT INTO report.objective_by_cohort BY NAME
WITH run AS MATERIALIZED (
    SELECT
        UNNEST(list_filter(['all', 'plan: ' || plan_at_entry, 'segment: ' || segment_at_entry], lambda s: s IS NOT NULL)) AS segment,
        workflow_id,
        workflow_version,
        objective_version,
        arm,
        entry_week,
        customer_id,
        maturity_days,
        date_diff('day', entered_date, CAST(first_met_at AS DATE)) AS met_day
    FROM runs
    WHERE objective_version IS NOT NULL AND NOT met_at_entry
),
horizon AS (
    SELECT workflow_id, objective_version, UNNEST(list_distinct([d for d in [7, 14, 30, 60, 90] if d < m] || [m])) AS day_no, workflow_version
    FROM (
        SELECT
            workflow_id,
            objective_version,
            MAX(workflow_version) AS workflow_version,
            ARG_MAX(maturity_days, workflow_version) AS m
        FROM run
        GROUP BY workflow_id, objective_version
    )
),
customer AS (
    SELECT
        h.workflow_id,
        h.workflow_version,
        h.objective_version,
        r.arm,
        r.entry_week,
        r.segment,
        h.day_no,
        r.customer_id,
        COUNT(*) AS runs,
        COUNT(*) FILTER (WHERE r.met_day <= h.day_no) AS met,
        MIN(r.maturity_days) AS watched_days
    FROM run AS r
    JOIN horizon AS h ON h.workflow_id = r.workflow_id AND h.objective_version = r.objective_version
    GROUP BY ALL
),
week AS (
    SELECT
        workflow_id,
        workflow_version,
        objective_version,
        arm,
        entry_week,
        segment,
        day_no,
        CAST(SUM(runs) AS BIGINT) AS n_runs,
        COUNT(*) AS n_customers,
        CAST(SUM(met) AS BIGINT) AS met_count,
        CAST(effective_n(SUM(met), SUM(runs), COUNT(*), SUM(met * met), SUM(met * runs), SUM(runs * runs)) AS DOUBLE) AS n_eff,
        -- its last day is over by so many days, and nobody was watched for fewer
        entry_week + 7 + day_no <= CAST($as_of AS DATE) AND MIN(watched_days) >= day_no AS complete
    FROM customer
    GROUP BY workflow_id, workflow_version, objective_version, arm, entry_week, segment, day_no
)
SELECT
    workflow_id,
    workflow_version,
    objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    arm,
    entry_week,
    segment,
    day_no,
    n_runs,
    n_customers,
    met_count,
    complete,
    CASE WHEN complete THEN met_count / n_runs END AS met_share,
    CASE WHEN complete THEN wilson_lo(met_count / n_runs * n_eff, n_eff) END AS lo,
    CASE WHEN complete THEN wilson_hi(met_count / n_runs * n_eff, n_eff) END AS hi
FROM week;
