-- [clear_participant_timeline if touched_runs] Forget the timelines of runs to which something happened.
DELETE FROM report.participant_timeline WHERE run_id IN (SELECT run_id FROM touched_runs);

-- [fill_participant_timeline if touched_runs] Every transition, the steps its hop passed, the actions it planned, and what was seen of the objective.
INSERT INTO report.participant_timeline BY NAME
WITH held AS (
    SELECT DISTINCT workflow, version, from_step FROM live.hops WHERE NOT needs_timer
),
step AS MATERIALIZED (
    SELECT
        s.workflow,
        s.version,
        s.step_id,
        s.kind,
        s.action_kind,
        -- an action by its words, with gaps where its template has values; everything else by the author's id
        '“' || CASE s.kind
            WHEN 'action' THEN regexp_replace(
                regexp_replace(s.label, '^\w+: ', ''), '\{\{[^}]*\}\}', '…', 'g'
            )
            ELSE replace(s.step_id, '_', ' ')
        END || '”' AS label,
        h.from_step IS NOT NULL AS has_condition
    FROM live.steps AS s
    LEFT JOIN held AS h ON h.workflow = s.workflow AND h.version = s.version AND h.from_step = s.step_id
),
flow AS MATERIALIZED (
    -- taken out once a version: reading a definition for every transition would cost more than all the rest
    SELECT
        workflow,
        version,
        json_extract(definition, '$.entry.when') AS entry_text,
        json_extract(definition, '$.exit.when') AS exit_text,
        json_extract(definition, '$.objective.measure') AS measure_text,
        objective_text
    FROM live.workflows
),
move AS MATERIALIZED (
    SELECT
        t.participant_id,
        t.evaluation_id,
        t.sequence,
        t.happened_at,
        t.kind,
        t.from_step,
        t.to_step,
        t.hop_id,
        t.due_at,
        t.reason,
        p.workflow,
        COALESCE(h.version, p.flow_version) AS version,
        p.arm,
        p.entry_mode,
        p.matched_from,
        p.met_at_entry,
        p.watched_until,
        w.entry_text,
        w.exit_text,
        w.objective_text
    FROM state.transitions AS t
    JOIN state.participants AS p ON p.participant_id = t.participant_id
    JOIN touched_runs AS c ON c.run_id = p.participant_id
    JOIN flow AS w ON w.workflow = p.workflow AND w.version = p.version
    LEFT JOIN live.hops AS h ON h.hop_id = t.hop_id
),
event AS (
    SELECT
        participant_id,
        happened_at,
        sequence,
        0 AS position,
        CASE arm WHEN 'holdout' THEN 'would_enter' ELSE 'entered' END AS kind,
        NULL AS step_id,
        entry_mode AS reason_code,
        CASE arm WHEN 'holdout' THEN 'would have entered' ELSE 'entered' END
        || CASE
            WHEN entry_mode = 'manual' THEN ' by hand'
            WHEN matched_from < happened_at THEN ': the entry condition holds since ' || strftime(matched_from, '%-d %b %Y')
            ELSE ': the entry condition came true'
        END
        || CASE WHEN met_at_entry THEN '; the objective was met already' ELSE '' END
        || CASE arm WHEN 'holdout' THEN '; drawn into the hold-out, so only watched' ELSE '' END AS why_text,
        CAST(NULL AS DOUBLE) AS value,
        json_object('condition', entry_text, 'holds_since', matched_from, 'record', k.named, 'leaves', CAST(v.leaves AS JSON)) AS why_trace
    FROM move
    LEFT JOIN report.entry_seen AS k ON k.run_id = move.participant_id
    LEFT JOIN report.entry_evidence AS v ON v.run_id = move.participant_id
    WHERE kind = 'entered'
    UNION ALL
    SELECT
        m.participant_id,
        m.happened_at,
        m.sequence,
        0,
        'step_out',
        m.from_step,
        COALESCE(m.reason, 'time'),
        s.label || CASE WHEN m.reason = 'met' THEN ' came true' ELSE ' was over' END,
        NULL,
        json_object('step', m.from_step, 'ended_by', COALESCE(m.reason, 'time'), 'to', m.to_step)
    FROM move AS m
    JOIN step AS s ON s.workflow = m.workflow AND s.version = m.version AND s.step_id = m.from_step
    WHERE m.hop_id IS NOT NULL
    UNION ALL
    SELECT
        m.participant_id,
        m.happened_at,
        m.sequence,
        h.position,
        'step_in',
        h.step_id,
        h.arm,
        CASE
            WHEN s.kind = 'wait' THEN 'passed ' || s.label || ' at once'
            WHEN h.arm = 'else' THEN 'no arm of ' || s.label || ' applied'
            WHEN s.kind = 'split' THEN 'drawn into “' || h.arm || '” at ' || s.label
            ELSE 'took “' || h.arm || '” at ' || s.label
        END,
        NULL,
        json_object('step', h.step_id, 'arm', h.arm)
    FROM move AS m
    JOIN live.hop_path AS h ON h.hop_id = m.hop_id
    JOIN step AS s ON s.workflow = m.workflow AND s.version = m.version AND s.step_id = h.step_id
    WHERE h.arm IS NOT NULL
    UNION ALL
    SELECT
        a.participant_id,
        a.planned_at,
        3,
        h.position,
        'action',
        a.step_id,
        a.status,
        a.status || ' the ' || CASE a.kind WHEN 'notify' THEN 'notification' ELSE a.kind END || ' ' || s.label || COALESCE(' (' || replace(NULLIF(a.status_reason, ''), '_', ' ') || ')', ''),
        NULL,
        json_object('action', a.action_id, 'values', a.values, 'send_after', a.send_after, 'send_rule', a.send_rule, 'zone', a.zone)
    FROM outbox.actions AS a
    JOIN step AS s ON s.workflow = a.workflow AND s.version = a.version AND s.step_id = a.step_id
    JOIN move AS m ON m.participant_id = a.participant_id AND m.evaluation_id = a.evaluation_id
    JOIN live.hop_path AS h ON h.hop_id = m.hop_id AND h.step_id = a.step_id
    UNION ALL
    SELECT
        m.participant_id,
        m.happened_at,
        m.sequence,
        1000000,
        'step_in',
        m.to_step,
        NULL,
        'waits at ' || s.label || CASE WHEN s.has_condition THEN ' at most until ' ELSE ' until ' END
        || COALESCE(strftime(m.due_at, '%-d %b %Y'), 'further notice'),
        NULL,
        json_object('step', m.to_step, 'due_at', m.due_at)
    FROM move AS m
    JOIN step AS s ON s.workflow = m.workflow AND s.version = m.version AND s.step_id = m.to_step
    WHERE m.kind = 'moved'
    UNION ALL
    SELECT
        m.participant_id,
        m.happened_at,
        m.sequence,
        1000001,
        'exited',
        CASE WHEN m.from_step NOT LIKE '(%' THEN m.from_step END,
        COALESCE(m.reason, m.kind),
        CASE
            WHEN m.kind = 'completed' AND m.arm = 'holdout'
                THEN 'its place in the flow would be up; watched until ' || strftime(m.watched_until, '%-d %b %Y')
            WHEN m.kind = 'completed' THEN 'reached the end'
            ELSE 'left: ' || CASE m.reason
                WHEN 'objective' THEN 'the objective is met'
                WHEN 'exit_condition' THEN 'the exit condition holds'
                WHEN 'workflow_disabled' THEN 'the workflow was disabled'
                WHEN 'record_deleted' THEN 'the record is gone from the CRM'
                WHEN 'timed_out' THEN 'the wait ended without what it waits for'
                ELSE COALESCE(replace(m.reason, '_', ' '), 'no reason recorded')
            END
        END,
        NULL,
        json_object(
            'reason', COALESCE(m.reason, m.kind),
            'condition', CASE m.reason WHEN 'exit_condition' THEN m.exit_text WHEN 'objective' THEN to_json(m.objective_text) END
        )
    FROM move AS m
    WHERE m.kind IN ('completed', 'exited')
    UNION ALL
    SELECT
        participant_id,
        observed_at,
        -- before what follows from it: who leaves on the objective leaves in the same evaluation
        0,
        0,
        CASE WHEN is_met THEN 'objective_met' ELSE 'objective_lost' END,
        NULL,
        CASE WHEN is_met AND observed_at > first_met_at THEN 'again' END,
        CASE
            WHEN is_met AND observed_at > first_met_at THEN 'objective met again'
            WHEN is_met THEN 'objective met'
            ELSE 'objective no longer met'
        END,
        measure,
        json_object('condition', objective_text, 'holds', is_met, 'measure', measure_text, 'value', measure)
    FROM (
        SELECT
            o.participant_id,
            o.observed_at,
            o.is_met,
            o.measure,
            p.entered_at,
            w.objective_text,
            w.measure_text,
            CASE WHEN p.met_at_entry THEN p.entered_at ELSE p.objective_met_at END AS first_met_at,
            LAG(o.is_met) OVER (PARTITION BY o.participant_id ORDER BY o.observed_at) AS was_met
        FROM state.observations AS o
        JOIN state.participants AS p ON p.participant_id = o.participant_id
        JOIN touched_runs AS c ON c.run_id = p.participant_id
        JOIN flow AS w ON w.workflow = p.workflow AND w.version = p.version
    )
    WHERE observed_at > entered_at AND COALESCE(was_met, FALSE) <> is_met
    UNION ALL
    SELECT run_id, lost_at, 5, 0, 'lost', NULL, NULL, 'the record is gone from the CRM', NULL, NULL
    FROM runs
    JOIN touched_runs USING (run_id)
    -- who is made to leave by it has a line for that
    WHERE lost_at > exited_at
    UNION ALL
    -- a gate about those who come back shut after this run, the customer's latest before
    SELECT
        f.run_id,
        r.refused_from,
        6,
        0,
        're_entry_blocked',
        NULL,
        r.reason,
        'qualified again and was not let in: ' || replace(r.reason, '_', ' ') || COALESCE(' until ' || strftime(r.until_at, '%-d %b %Y'), ''),
        NULL,
        json_object('gate', r.reason, 'detail', r.detail, 'until', r.until_at, 'ended', r.refused_to)
    FROM state.refusals AS r
    JOIN state.participants AS p ON p.workflow = r.workflow AND p.object = r.object AND p.record = r.record AND p.occasion = r.occasion
    JOIN runs AS f ON f.run_id = p.participant_id
    JOIN touched_runs AS c ON c.run_id = f.run_id
    WHERE r.reason IN ('not_requalified', 'waiting_after_exit', 'entered_before') AND f.entered_at <= r.refused_from
        AND NOT EXISTS (
            SELECT 1
            FROM runs AS l
            JOIN state.participants AS q ON q.participant_id = l.run_id
            WHERE q.workflow = p.workflow AND q.object = p.object AND q.record = p.record AND q.occasion = p.occasion
                AND l.entered_at <= r.refused_from AND l.entered_at > f.entered_at
        )
)
SELECT
    f.workflow_id,
    f.workflow_version,
    f.objective_version,
    $as_of AS as_of,
    $evaluation_id AS evaluation_id,
    f.run_id,
    ROW_NUMBER() OVER (PARTITION BY e.participant_id ORDER BY e.happened_at, e.sequence, e.position, e.kind, e.step_id) AS seq,
    f.object,
    f.customer_id,
    f.arm,
    e.happened_at,
    CAST(e.happened_at AS DATE) AS date,
    e.kind,
    e.step_id,
    e.reason_code,
    e.why_text,
    e.value,
    f.customer_name,
    CAST(e.why_trace AS VARCHAR) AS why_trace
FROM event AS e
JOIN runs AS f ON f.run_id = e.participant_id;
