-- [clear_step_edge if report_scope] Forget the last edges.
DELETE FROM report.step_edge WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_step_edge if report_scope] Each transition names a hop, and each hop the steps it passed: neighbours among them are edges.
INSERT INTO report.step_edge BY NAME
WITH place AS (
    -- places of a move in order: where it began (position 0), what it passed, where it ended
    SELECT t.participant_id, t.evaluation_id, t.sequence, 0 AS position, t.from_step AS step_id, NULL AS branch_label
    FROM state.transitions AS t
    WHERE t.kind IN ('moved', 'completed', 'exited') AND t.hop_id IS NOT NULL
    UNION ALL
    SELECT t.participant_id, t.evaluation_id, t.sequence, h.position, h.step_id, h.arm
    FROM state.transitions AS t
    JOIN live.hop_path AS h ON h.hop_id = t.hop_id
    UNION ALL
    SELECT t.participant_id, t.evaluation_id, t.sequence, 1000000, t.to_step, NULL
    FROM state.transitions AS t
    -- who exits on a hop goes nowhere from the last step: that is its left_count
    WHERE t.kind IN ('moved', 'completed') AND t.hop_id IS NOT NULL
),
edge AS (
    SELECT
        participant_id,
        step_id AS from_step_id,
        branch_label,
        LEAD(step_id) OVER (PARTITION BY participant_id, evaluation_id, sequence ORDER BY position) AS to_step_id
    FROM place
),
counted AS (
    SELECT f.workflow_id, f.objective_version, e.from_step_id, e.branch_label, e.to_step_id, COUNT(*) AS run_count
    FROM edge AS e
    JOIN runs AS f ON f.run_id = e.participant_id
    WHERE f.arm = 'treatment' AND e.to_step_id IS NOT NULL
    GROUP BY f.workflow_id, f.objective_version, e.from_step_id, e.branch_label, e.to_step_id
),
latest AS (
    SELECT workflow, objective_version, MAX(version) AS workflow_version
    FROM live.workflows
    GROUP BY workflow, objective_version
)
SELECT
    c.workflow_id,
    l.workflow_version,
    c.objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    c.from_step_id,
    c.branch_label,
    c.to_step_id,
    c.run_count,
    c.run_count / SUM(c.run_count) OVER (PARTITION BY c.workflow_id, c.objective_version, c.from_step_id) AS share_of_from
FROM counted AS c
JOIN latest AS l ON l.workflow = c.workflow_id AND l.objective_version IS NOT DISTINCT FROM c.objective_version;
