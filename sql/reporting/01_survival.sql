-- [clear_objective_survival if report_scope] Forget the last curves.
DELETE FROM report.objective_survival WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_objective_survival if report_scope] Time to objective by day: Kaplan-Meier with Greenwood's error, Aalen-Johansen with loss as a competing event.
INSERT INTO report.objective_survival BY NAME
WITH run AS (
    SELECT workflow_id, workflow_version, objective_version, arm, entered_date, duration_days, end_status
    FROM runs
    WHERE end_status IS NOT NULL
),
member AS (
    SELECT *, 'all' AS cohort FROM run
    UNION ALL
    SELECT *, year(entered_date) || '-Q' || quarter(entered_date) FROM run
),
ended AS (
    SELECT
        workflow_id,
        MAX(workflow_version) AS workflow_version,
        objective_version,
        arm,
        cohort,
        duration_days AS day_no,
        COUNT(*) AS n_ended,
        COUNT(*) FILTER (WHERE end_status = 1) AS d_objective,
        COUNT(*) FILTER (WHERE end_status = 2) AS d_lost
    FROM member
    GROUP BY workflow_id, objective_version, arm, cohort, duration_days
),
curve AS (
    -- numbered: four texts in every window below would cost more than the sums
    SELECT
        ROW_NUMBER() OVER (ORDER BY workflow_id, objective_version, arm, cohort) AS curve_no,
        workflow_id,
        MAX(workflow_version) AS workflow_version,
        objective_version,
        arm,
        cohort,
        MAX(day_no) AS last_day
    FROM ended
    GROUP BY workflow_id, objective_version, arm, cohort
),
day AS (
    SELECT
        d.curve_no,
        d.day_no,
        COALESCE(e.n_ended, 0) AS n_ended,
        COALESCE(e.d_objective, 0) AS d_objective,
        COALESCE(e.d_lost, 0) AS d_lost
    FROM (SELECT curve_no, UNNEST(range(last_day + 1)) AS day_no FROM curve) AS d
    LEFT JOIN (
        SELECT c.curve_no, n.day_no, n.n_ended, n.d_objective, n.d_lost
        FROM ended AS n
        JOIN curve AS c
            ON c.workflow_id = n.workflow_id AND c.objective_version = n.objective_version AND c.arm = n.arm AND c.cohort = n.cohort
    ) AS e ON e.curve_no = d.curve_no AND e.day_no = d.day_no
),
risk AS (
    -- who ends on a day was at risk on it: events come before the end of observation
    SELECT
        *,
        d_objective + d_lost AS d_any,
        SUM(n_ended) OVER (PARTITION BY curve_no ORDER BY day_no DESC ROWS UNBOUNDED PRECEDING) AS at_risk
    FROM day
),
term AS (
    -- a product is the exponential of a sum of logarithms; where everybody who is left ends it is 0
    SELECT
        *,
        CASE WHEN d_objective < at_risk THEN ln(1 - d_objective / at_risk) ELSE 0 END AS ln_objective,
        CASE WHEN d_any < at_risk THEN ln(1 - d_any / at_risk) ELSE 0 END AS ln_any,
        CASE WHEN d_objective < at_risk THEN d_objective / (at_risk * (at_risk - d_objective)) ELSE 0 END AS greenwood,
        CASE WHEN d_any < at_risk THEN d_any / (at_risk * (at_risk - d_any)) ELSE 0 END AS greenwood_any
    FROM risk
),
survival AS (
    SELECT
        *,
        CASE WHEN d_objective = at_risk THEN 0 ELSE exp(SUM(ln_objective) OVER until_day) END AS s_km,
        SUM(greenwood) OVER until_day AS gw,
        -- everybody's survival just before the day
        exp(COALESCE(SUM(ln_any) OVER before_day, 0)) AS s_before
    FROM term
    WINDOW
        until_day AS (PARTITION BY curve_no ORDER BY day_no ROWS UNBOUNDED PRECEDING),
        before_day AS (PARTITION BY curve_no ORDER BY day_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
incidence AS (
    SELECT
        *,
        SUM(s_before * d_objective / at_risk) OVER until_day AS cif,
        SUM(s_before * d_lost / at_risk) OVER until_day AS cif_lost,
        s_before * d_objective / (at_risk * at_risk) AS slope
    FROM survival
    WINDOW until_day AS (PARTITION BY curve_no ORDER BY day_no ROWS UNBOUNDED PRECEDING)
),
spread AS (
    -- the variance sums (cif(t) - cif(tj)) and its square over the days tj up to t: multiplied out, each is a running sum
    SELECT
        *,
        SUM(greenwood_any) OVER until_day * cif * cif
            - 2 * cif * SUM(cif * greenwood_any) OVER until_day
            + SUM(cif * cif * greenwood_any) OVER until_day
            + SUM(s_before * slope * (at_risk - d_objective) / at_risk) OVER until_day
            - 2 * (cif * SUM(slope) OVER until_day - SUM(cif * slope) OVER until_day) AS variance
    FROM incidence
    WINDOW until_day AS (PARTITION BY curve_no ORDER BY day_no ROWS UNBOUNDED PRECEDING)
),
error AS (
    SELECT
        *,
        sqrt(GREATEST(variance, 0)) AS se_cif,
        CASE WHEN cif > 0 AND cif < 1 - 1e-12 THEN zz() * sqrt(GREATEST(variance, 0)) / (cif * ln(cif)) END AS cif_step,
        CASE WHEN s_km > 0 AND s_km < 1 THEN zz() * sqrt(gw) / ln(s_km) END AS km_step
    FROM spread
)
SELECT
    c.workflow_id,
    c.workflow_version,
    c.objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    c.arm,
    c.cohort,
    e.day_no,
    e.at_risk,
    e.d_objective,
    e.d_lost,
    e.n_ended - e.d_any AS censored,
    e.s_km,
    CASE WHEN e.s_km > 0 THEN e.s_km * sqrt(e.gw) END AS se_km,
    pow(e.s_km, exp(-e.km_step)) AS s_km_lo,
    pow(e.s_km, exp(e.km_step)) AS s_km_hi,
    e.cif,
    e.se_cif,
    pow(e.cif, exp(-e.cif_step)) AS cif_lo,
    pow(e.cif, exp(e.cif_step)) AS cif_hi,
    e.cif_lost
FROM error AS e
JOIN curve AS c ON c.curve_no = e.curve_no;

-- [clear_objective_time if report_scope] Forget the last figures of the curves.
DELETE FROM report.objective_time WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_objective_time if report_scope] Each curve in a few figures. A day's value stands until the next, and for ever once nobody is left.
INSERT INTO report.objective_time BY NAME
SELECT
    workflow_id,
    MAX(workflow_version) AS workflow_version,
    objective_version,
    MAX(as_of) AS as_of,
    MAX(evaluation_id) AS evaluation_id,
    arm,
    cohort,
    MAX(at_risk) AS n_runs,
    SUM(d_objective) AS met_count,
    SUM(d_lost) AS lost_count,
    SUM(censored) AS open_count,
    MIN(day_no) FILTER (WHERE cif >= 0.25 - 1e-12) AS days_to_objective_p25,
    MIN(day_no) FILTER (WHERE cif >= 0.50 - 1e-12) AS days_to_objective_p50,
    MIN(day_no) FILTER (WHERE cif >= 0.75 - 1e-12) AS days_to_objective_p75,
    CASE WHEN MAX(ends_at) >= 7 THEN MAX(cif) FILTER (WHERE day_no <= 7) END AS cif_7,
    CASE WHEN MAX(ends_at) >= 14 THEN MAX(cif) FILTER (WHERE day_no <= 14) END AS cif_14,
    CASE WHEN MAX(ends_at) >= 30 THEN MAX(cif) FILTER (WHERE day_no <= 30) END AS cif_30,
    CASE WHEN MAX(ends_at) >= 60 THEN MAX(cif) FILTER (WHERE day_no <= 60) END AS cif_60,
    CASE WHEN MAX(ends_at) >= 90 THEN MAX(cif) FILTER (WHERE day_no <= 90) END AS cif_90,
    CASE WHEN MAX(stays_at) >= 30 THEN SUM(s_km) FILTER (WHERE day_no < 30) END AS rmst_30,
    CASE WHEN MAX(stays_at) >= 60 THEN SUM(s_km) FILTER (WHERE day_no < 60) END AS rmst_60,
    CASE WHEN MAX(stays_at) >= 90 THEN SUM(s_km) FILTER (WHERE day_no < 90) END AS rmst_90,
    MAX(day_no) FILTER (WHERE at_risk >= 10) AS drawn_to_day
FROM (
    SELECT
        *,
        -- the last day on which the curve is known
        CASE WHEN d_objective + d_lost = at_risk THEN 1000000 ELSE day_no END AS ends_at,
        CASE WHEN s_km = 0 THEN 1000000 ELSE day_no END AS stays_at
    FROM report.objective_survival
    WHERE workflow_id IN (SELECT workflow_id FROM report_scope)
)
GROUP BY workflow_id, objective_version, arm, cohort;
