-- [clear_workflow_dim if report_scope] Forget the versions of workflows that are made anew.
DELETE FROM report.workflow_dim WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_workflow_dim if report_scope] Every version, and while newcomers entered it. An objective of one comparison is taken apart.
INSERT INTO report.workflow_dim BY NAME
SELECT
    w.workflow AS workflow_id,
    w.version,
    w.objective_version,
    upper(substr(w.workflow, 1, 1)) || replace(substr(w.workflow, 2), '_', ' ') AS name,
    w.description,
    w.object AS object_type,
    CASE WHEN w.is_current THEN w.state ELSE 'superseded' END AS status,
    w.objective_name,
    w.objective_text,
    NULLIF(regexp_extract(w.objective_text, $comparison, 1), '') AS field,
    NULLIF(regexp_extract(w.objective_text, $comparison, 2), '') AS operator,
    NULLIF(regexp_extract(w.objective_text, $comparison, 3), '') AS operand,
    json_extract_string(w.definition, '$.objective.measure') AS measure,
    w.leave_on_objective AS exit_on_objective,
    CAST(CEIL(w.longest_stay_days) AS INTEGER) AS d_max_days,
    CAST(CEIL(w.longest_stay_days) AS INTEGER) + 30 AS maturity_days,
    CAST(CEIL(w.longest_stay_days) AS INTEGER) + 30 AS uplift_horizon_days,
    w.holdout_share,
    CASE WHEN w.holdout_share > 0 THEN COALESCE(CAST(json_extract_string(w.definition, '$.objective.decide_at') AS INTEGER), decision_customers()) END AS decision_n,
    w.owner,
    w.applied_at AS valid_from,
    LEAD(w.applied_at) OVER (PARTITION BY w.workflow ORDER BY w.version) AS valid_to,
    w.definition,
    w.launch,
    w.reentry
FROM live.workflows AS w
JOIN report_scope AS s ON s.workflow_id = w.workflow;

-- [clear_step_dim if report_scope] Forget the steps of workflows that are made anew.
DELETE FROM report.step_dim WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [fill_step_dim if report_scope] Every step of every version, with the arms that lead to it.
INSERT INTO report.step_dim BY NAME
WITH RECURSIVE placed AS (
    SELECT t.workflow, t.version, t.step_id, '' AS branch_path, 0 AS depth
    FROM live.steps AS t
    JOIN report_scope AS s ON s.workflow_id = t.workflow
    WHERE t.parent_step_id IS NULL
    UNION ALL
    SELECT
        t.workflow,
        t.version,
        t.step_id,
        concat_ws(' / ', NULLIF(p.branch_path, ''), t.parent_step_id || ': ' || t.arm),
        p.depth + 1
    FROM placed AS p
    JOIN live.steps AS t ON t.workflow = p.workflow AND t.version = p.version AND t.parent_step_id = p.step_id
)
SELECT
    t.workflow AS workflow_id,
    t.version,
    t.step_id,
    t.parent_step_id,
    t.arm AS branch_label,
    p.branch_path,
    t.kind,
    t.action_kind AS action_type,
    t.label,
    t.position AS order_no,
    t.longest_stay_days AS max_stay_days,
    p.depth AS x,
    t.position AS y,
    t.arms
FROM live.steps AS t
JOIN placed AS p ON p.workflow = t.workflow AND p.version = t.version AND p.step_id = t.step_id;
