-- [clear_run_fact] Forget the runs of the last report.
DELETE FROM report.run_fact;

-- [fill_run_fact] Every run with its window, its maturity and what became of it. All definitions of the report are here.
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
    e.lost_at
FROM run AS r
JOIN ending AS e ON e.participant_id = r.participant_id
CROSS JOIN clock AS c
LEFT JOIN departure AS d ON d.participant_id = r.participant_id AND r.left_at IS NOT NULL;
