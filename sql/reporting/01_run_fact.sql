-- [clear_run_fact if report_scope] Forget the runs of workflows that are made anew.
DELETE FROM report.run_fact WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [keep_entry_seen if report_scope] The records of new runs as they were read when they entered.
INSERT INTO report.entry_seen
WITH fresh AS (
    SELECT p.participant_id, p.workflow, p.version, ARG_MAX(r.fields, r.snapshot_id) AS fields
    FROM state.participants AS p
    JOIN report_scope AS s ON s.workflow_id = p.workflow
    JOIN journal.evaluations AS e ON e.as_of = p.entered_at
    JOIN inputs.records AS r
        ON r.object = p.object AND r.record = COALESCE(p.first_record, p.record) AND r.snapshot_id <= e.snapshot_id
    WHERE r.kind IN ('created', 'updated', 'filled')
        AND NOT EXISTS (SELECT 1 FROM report.entry_seen AS k WHERE k.run_id = p.participant_id)
    GROUP BY p.participant_id, p.workflow, p.version
),
word AS (
    SELECT DISTINCT workflow, version, UNNEST(regexp_extract_all(CAST(json_extract(definition, '$.entry') AS VARCHAR), '\w+')) AS word
    FROM live.workflows
),
named AS (
    SELECT f.participant_id, '{' || string_agg(to_json(w.word) || ':' || json_extract(f.fields, '$."' || w.word || '"'), ',' ORDER BY w.word) || '}' AS named
    FROM fresh AS f
    JOIN word AS w ON w.workflow = f.workflow AND w.version = f.version
    WHERE json_exists(f.fields, '$."' || w.word || '"')
    GROUP BY f.participant_id
)
SELECT f.participant_id, f.fields, COALESCE(n.named, '{}')
FROM fresh AS f
LEFT JOIN named AS n ON n.participant_id = f.participant_id;

-- [fill_run_fact if report_scope] Every run with its window, its maturity and what became of it. All definitions of the report are here.
INSERT INTO report.run_fact BY NAME
WITH clock AS (
    -- two evaluations before this one: who should have moved on by then and did not is late
    SELECT MAX(as_of) AS two_before FROM journal.evaluations WHERE evaluation_id = $evaluation_id - 2
),
run AS (
    SELECT
        p.participant_id,
        p.workflow,
        p.version,
        w.objective_version,
        p.object,
        p.record,
        p.arm,
        p.entry_mode,
        p.entry_no,
        p.entered_at,
        p.status,
        p.step_id,
        p.arrived_at,
        p.due_at,
        p.exit_reason,
        p.left_at,
        p.met_at_entry,
        p.objective_met_at,
        CAST(CEIL(w.longest_stay_days) AS INTEGER) AS d_max_days,
        p.entered_at + to_days(CAST(CEIL(w.longest_stay_days) AS INTEGER) + 30) AS matures_at,
        w.objective_version IS NOT NULL AND NOT p.met_at_entry AS is_judged,
        p.arm = 'treatment' AND p.left_at IS NULL AND p.status <> 'paused' AS may_be_late
    FROM state.participants AS p
    JOIN live.workflows AS w ON w.workflow = p.workflow AND w.version = p.version
    JOIN report_scope AS c ON c.workflow_id = p.workflow
),
seen AS (
    -- the measure as last observed at each instant that counts; what was observed after it was not known then
    SELECT
        r.participant_id,
        ARG_MAX_NULL(o.measure, o.observed_at) FILTER (WHERE o.observed_at <= r.entered_at) AS value_entry,
        ARG_MAX_NULL(o.measure, o.observed_at) FILTER (WHERE o.observed_at <= r.left_at) AS value_exit,
        ARG_MAX_NULL(o.measure, o.observed_at) FILTER (WHERE o.observed_at <= r.left_at + to_days(30)) AS value_exit30,
        ARG_MAX(o.is_met, o.observed_at) FILTER (WHERE o.observed_at <= r.left_at + to_days(30)) AS still_met_exit30,
        ARG_MAX_NULL(o.measure, o.observed_at) FILTER (WHERE o.observed_at <= r.matures_at) AS value_h
    FROM run AS r
    JOIN state.observations AS o ON o.participant_id = r.participant_id
    GROUP BY r.participant_id
),
attribute AS (
    SELECT
        k.run_id,
        MAX(json_extract_string(k.fields, '$."' || a.field || '"')) FILTER (WHERE a.role = 'segment') AS segment_at_entry,
        MAX(json_extract_string(k.fields, '$."' || a.field || '"')) FILTER (WHERE a.role = 'owner') AS owner_at_entry,
        MAX(json_extract_string(k.fields, '$."' || a.field || '"')) FILTER (WHERE a.role = 'plan') AS plan_at_entry
    FROM report.entry_seen AS k
    JOIN run AS r ON r.participant_id = k.run_id
    JOIN report_attributes AS a ON a.object = r.object
    GROUP BY k.run_id
),
departure AS (
    -- the last step a run touched before it went: on the hop it took, or where it rested
    SELECT t.participant_id, COALESCE(h.last_step, t.from_step) AS last_step
    FROM state.transitions AS t
    LEFT JOIN (
        SELECT hop_id, ARG_MAX(step_id, position) AS last_step FROM live.hop_path GROUP BY hop_id
    ) AS h ON h.hop_id = t.hop_id
    WHERE t.kind IN ('completed', 'exited')
),
deleted AS (
    -- of records that went after their run had left, only the snapshots know
    SELECT r.participant_id, MIN(s.as_of) AS deleted_at
    FROM inputs.records AS i
    JOIN journal.snapshots AS s ON s.snapshot_id = i.snapshot_id
    JOIN run AS r ON r.object = i.object AND r.record = i.record AND r.entered_at < s.as_of
    WHERE i.kind = 'deleted' AND s.as_of <= $as_of
    GROUP BY r.participant_id
),
loss AS (
    SELECT
        r.participant_id,
        LEAST(g.deleted_at, CASE WHEN r.exit_reason IN ('record_deleted', 'merged') THEN r.left_at END) AS lost_at
    FROM run AS r
    LEFT JOIN deleted AS g ON g.participant_id = r.participant_id
),
ending AS (
    -- exit ends nothing here: a run is watched until it matures, and what is on the same day as that comes first
    SELECT
        r.participant_id,
        l.lost_at,
        CASE WHEN r.is_judged THEN
            CASE
                WHEN r.objective_met_at <= LEAST(l.lost_at, r.matures_at, $as_of) THEN 1
                WHEN l.lost_at <= LEAST(r.matures_at, $as_of) THEN 2
                ELSE 0
            END
        END AS end_status,
        LEAST(r.objective_met_at, l.lost_at, r.matures_at, $as_of) AS ends_at
    FROM run AS r
    JOIN loss AS l ON l.participant_id = r.participant_id
)
SELECT
    r.workflow AS workflow_id,
    r.version AS workflow_version,
    r.objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    r.participant_id AS run_id,
    r.object,
    r.record AS customer_id,
    COALESCE(n.label, r.record) AS customer_name,
    r.arm,
    r.entry_no,
    CASE r.entry_mode WHEN 'condition' THEN 'rule' ELSE r.entry_mode END AS entry_mode,
    r.entered_at,
    CAST(r.entered_at AS DATE) AS entered_date,
    CAST(date_trunc('week', CAST(r.entered_at AS DATE)) AS DATE) AS entry_week,
    r.status,
    CASE WHEN r.left_at IS NULL AND r.arm = 'treatment' THEN r.step_id END AS current_step_id,
    CASE WHEN r.left_at IS NULL AND r.arm = 'treatment' THEN r.arrived_at END AS step_entered_at,
    COALESCE(r.may_be_late AND r.due_at < c.two_before, FALSE) AS late,
    COALESCE(r.may_be_late AND r.due_at + to_days(7) < $as_of, FALSE) AS stuck,
    r.left_at AS exited_at,
    CASE
        WHEN r.left_at IS NULL THEN NULL
        WHEN r.status = 'completed' THEN 'reached_end'
        WHEN r.status = 'goal_met' OR r.exit_reason = 'objective' THEN 'objective_met'
        WHEN r.exit_reason = 'workflow_disabled' THEN 'disabled'
        WHEN r.exit_reason IN ('record_deleted', 'merged') THEN 'lost'
        WHEN r.exit_reason = 'manual' THEN 'manual'
        WHEN r.exit_reason = 'error' THEN 'error'
        ELSE 'exit_override'
    END AS exit_reason,
    CASE WHEN r.left_at IS NOT NULL THEN COALESCE(r.exit_reason, r.status) END AS exit_override_name,
    d.last_step AS last_step_id,
    r.d_max_days,
    r.d_max_days + 30 AS maturity_days,
    r.matures_at,
    r.matures_at <= $as_of AS matured,
    r.matures_at <= $as_of AS uplift_matured,
    r.met_at_entry,
    r.objective_met_at AS first_met_at,
    COALESCE(
        NOT r.met_at_entry
        AND r.objective_met_at <= CASE r.arm
            -- the flow and its exits mean nothing to the hold-out: its window depends on the entry alone
            WHEN 'holdout' THEN r.matures_at
            ELSE COALESCE(r.left_at, $as_of) + to_days(30)
        END,
        FALSE
    ) AS met_in_window,
    CASE WHEN r.matures_at <= $as_of THEN
        COALESCE(NOT r.met_at_entry AND r.objective_met_at <= r.matures_at, FALSE)
    END AS met_within_h,
    CASE WHEN e.end_status IS NOT NULL THEN date_diff('day', CAST(r.entered_at AS DATE), CAST(e.ends_at AS DATE)) END AS duration_days,
    e.end_status,
    e.lost_at,
    CASE WHEN r.arm = 'treatment' AND r.left_at + to_days(30) <= $as_of THEN v.still_met_exit30 END AS still_met_exit30,
    v.value_entry,
    CASE WHEN r.arm = 'treatment' THEN v.value_exit END AS value_exit,
    CASE WHEN r.arm = 'treatment' AND r.left_at + to_days(30) <= $as_of THEN v.value_exit30 END AS value_exit30,
    CASE WHEN r.matures_at <= $as_of THEN v.value_h END AS value_h,
    b.segment_at_entry,
    b.owner_at_entry,
    b.plan_at_entry
FROM run AS r
JOIN ending AS e ON e.participant_id = r.participant_id
CROSS JOIN clock AS c
LEFT JOIN departure AS d ON d.participant_id = r.participant_id AND r.left_at IS NOT NULL
LEFT JOIN seen AS v ON v.participant_id = r.participant_id
LEFT JOIN attribute AS b ON b.run_id = r.participant_id
LEFT JOIN report_names AS n ON n.object = r.object AND n.record = r.record;

-- [make_class_spells if report_scope] Since when each run is in which class: judged at every instant at which that can change.
CREATE OR REPLACE TEMP TABLE class_spells AS
WITH point AS (
    SELECT f.run_id, UNNEST([f.entered_at, f.first_met_at, f.exited_at, f.exited_at + to_days(30), f.matures_at, f.lost_at, p.halted_at]) AS from_at
    FROM report.run_fact AS f
    JOIN report_scope AS s ON s.workflow_id = f.workflow_id
    JOIN state.participants AS p ON p.participant_id = f.run_id
),
judged AS (
    SELECT DISTINCT
        f.run_id,
        t.from_at,
        CASE
            WHEN f.met_at_entry THEN 'met_at_entry'
            WHEN f.status = 'error' AND p.halted_at <= t.from_at THEN 'error'
            WHEN f.met_in_window AND f.first_met_at <= t.from_at THEN
                CASE
                    WHEN o.out_at IS NULL OR t.from_at < o.out_at THEN 'active_met'
                    WHEN f.first_met_at <= o.out_at THEN 'exited_met_inside'
                    ELSE 'exited_met_after'
                END
            WHEN f.lost_at <= t.from_at THEN 'lost'
            WHEN o.out_at IS NULL OR t.from_at < o.out_at THEN 'active_not_met'
            -- the hold-out has no exit: it is watched until its place has matured, and not after
            WHEN f.arm = 'treatment' AND t.from_at < o.out_at + to_days(30) THEN 'exited_watching'
            ELSE 'exited_not_met'
        END AS state_class
    FROM point AS t
    JOIN report.run_fact AS f ON f.run_id = t.run_id
    JOIN state.participants AS p ON p.participant_id = t.run_id
    CROSS JOIN LATERAL (SELECT CASE f.arm WHEN 'holdout' THEN f.matures_at ELSE f.exited_at END AS out_at) AS o
    WHERE t.from_at BETWEEN f.entered_at AND $as_of
)
SELECT run_id, from_at, state_class
FROM judged;

-- [note_class if report_scope] The class of each run now.
UPDATE report.run_fact AS f
SET state_class = c.state_class
FROM (SELECT run_id, ARG_MAX(state_class, from_at) AS state_class FROM class_spells GROUP BY run_id) AS c
WHERE c.run_id = f.run_id;

-- [make_runs if report_scope] The runs that the other tables are made from.
CREATE OR REPLACE TEMP TABLE runs AS
SELECT f.*
FROM report.run_fact AS f
JOIN report_scope AS s ON s.workflow_id = f.workflow_id;
