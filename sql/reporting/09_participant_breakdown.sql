-- [clear_participant_breakdown if report_scope] Forget the breakdown of workflows that are made anew.
DELETE FROM report.participant_breakdown WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_participant_breakdown if report_scope] A run is in its class from one date to another: days add up who came and who went.
INSERT INTO report.participant_breakdown BY NAME
WITH spell AS (
    SELECT
        f.workflow_id,
        f.objective_version,
        f.arm,
        f.object,
        f.customer_id,
        d.state_class,
        d.from_date,
        LEAD(d.from_date) OVER (PARTITION BY d.run_id ORDER BY d.from_date) AS to_date
    FROM (
        -- of several classes on one date the last is that of the day
        SELECT run_id, CAST(from_at AS DATE) AS from_date, ARG_MAX(state_class, from_at) AS state_class
        FROM class_spells
        GROUP BY run_id, CAST(from_at AS DATE)
    ) AS d
    JOIN runs AS f ON f.run_id = d.run_id
),
island AS (
    -- spells of a customer's runs that touch or overlap are one spell of the customer
    SELECT
        *,
        COALESCE(MAX(COALESCE(to_date, DATE 'infinity')) OVER earlier < from_date, TRUE) AS is_first
    FROM spell
    WINDOW earlier AS (
        PARTITION BY workflow_id, objective_version, arm, state_class, object, customer_id
        ORDER BY from_date, to_date NULLS LAST
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),
numbered AS (
    SELECT
        *,
        SUM(CAST(is_first AS INTEGER)) OVER (
            PARTITION BY workflow_id, objective_version, arm, state_class, object, customer_id
            ORDER BY from_date, to_date NULLS LAST
            ROWS UNBOUNDED PRECEDING
        ) AS island_no
    FROM island
),
customer AS (
    SELECT
        workflow_id,
        objective_version,
        arm,
        state_class,
        MIN(from_date) AS from_date,
        NULLIF(MAX(COALESCE(to_date, DATE 'infinity')), DATE 'infinity') AS to_date
    FROM numbered
    GROUP BY workflow_id, objective_version, arm, state_class, object, customer_id, island_no
),
change AS (
    SELECT workflow_id, objective_version, arm, state_class, from_date AS date, 1 AS run_change, 0 AS customer_change FROM spell
    UNION ALL
    SELECT workflow_id, objective_version, arm, state_class, to_date, -1, 0 FROM spell WHERE to_date IS NOT NULL
    UNION ALL
    SELECT workflow_id, objective_version, arm, state_class, from_date, 0, 1 FROM customer
    UNION ALL
    SELECT workflow_id, objective_version, arm, state_class, to_date, 0, -1 FROM customer WHERE to_date IS NOT NULL
),
level AS (
    SELECT
        workflow_id,
        objective_version,
        arm,
        state_class,
        date,
        LEAD(date) OVER so_far AS until_date,
        SUM(run_change) OVER so_far AS run_count,
        SUM(customer_change) OVER so_far AS customer_count
    FROM (
        SELECT workflow_id, objective_version, arm, state_class, date, SUM(run_change) AS run_change, SUM(customer_change) AS customer_change
        FROM change
        GROUP BY ALL
    )
    WINDOW so_far AS (PARTITION BY workflow_id, objective_version, arm, state_class ORDER BY date)
),
latest AS (
    SELECT workflow_id, objective_version, MAX(workflow_version) AS workflow_version FROM runs GROUP BY ALL
),
day AS (
    SELECT
        workflow_id,
        objective_version,
        arm,
        state_class,
        run_count,
        customer_count,
        CAST(UNNEST(generate_series(
            CAST(date AS TIMESTAMP), CAST(COALESCE(until_date - 1, CAST($as_of AS DATE)) AS TIMESTAMP), INTERVAL 1 DAY
        )) AS DATE) AS date
    FROM level
    WHERE run_count > 0
)
SELECT
    d.workflow_id,
    l.workflow_version,
    d.objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    d.arm,
    d.state_class,
    d.date,
    d.run_count,
    d.customer_count
FROM day AS d
JOIN latest AS l ON l.workflow_id = d.workflow_id AND l.objective_version IS NOT DISTINCT FROM d.objective_version;
