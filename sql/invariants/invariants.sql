-- [everyone_is_somewhere if state.participants] Entered equals active, paused, error, goal met, completed and exited, for every workflow and version.
SELECT workflow, version, COUNT(*) AS entered
FROM state.participants
GROUP BY workflow, version
HAVING COUNT(*) <> COUNT(CASE WHEN status IN ('active', 'paused', 'error', 'goal_met', 'completed', 'exited') THEN 1 END)
    OR COUNT(CASE WHEN status IN ('goal_met', 'completed', 'exited') THEN 1 END) <> COUNT(left_at);

-- [inside_once if state.open_participants] At most one open participant for a workflow and record.
SELECT workflow, record, occasion, COUNT(*) AS open_passages
FROM state.open_participants
WHERE left_at IS NULL
GROUP BY workflow, record, occasion
HAVING COUNT(*) > 1;

-- [spells_do_not_overlap if state.episodes] At most one open episode for a subject and record; spells neither overlap nor run backwards.
SELECT subject, record, matched_from, matched_to
FROM (
    SELECT
        *,
        LAG(COALESCE(matched_to, TIMESTAMPTZ 'infinity')) OVER (PARTITION BY subject, object, record, occasion ORDER BY matched_from) AS before_to
    FROM state.episodes
)
WHERE matched_to <= matched_from OR before_to > matched_from;

-- [actions_are_on_the_path if outbox.actions] Every action belongs to a participant and to a step that its transitions passed.
SELECT a.action_id, a.participant_id, a.step_id
FROM outbox.actions AS a
LEFT JOIN (
    SELECT DISTINCT t.participant_id, h.step_id
    FROM state.transitions AS t
    JOIN live.hop_path AS h ON h.hop_id = t.hop_id
) AS passed ON passed.participant_id = a.participant_id AND passed.step_id = a.step_id
WHERE passed.step_id IS NULL;

-- [sent_once if outbox.attempts] At most one successful attempt for an action.
SELECT action_id, COUNT(*) AS sent
FROM outbox.attempts
WHERE outcome = 'sent'
GROUP BY action_id
HAVING COUNT(*) > 1;

-- [nothing_for_the_held_out if outbox.actions] No action for a held-out participant, and none planned after leaving.
SELECT a.action_id, p.arm, p.left_at, a.planned_at
FROM outbox.actions AS a
JOIN state.participants AS p ON p.participant_id = a.participant_id
WHERE p.arm = 'holdout' OR a.planned_at > p.left_at;

-- [left_means_cancelled if outbox.actions] Nothing stays planned for a participant that was made to leave; an exit step is part of the flow and cancels nothing.
SELECT a.action_id, t.reason
FROM outbox.actions AS a
JOIN state.transitions AS t ON t.participant_id = a.participant_id
WHERE a.status IN ('planned', 'awaiting_approval') AND t.kind IN ('exited', 'goal_met') AND t.hop_id IS NULL;

-- [no_entry_past_a_gate if state.open_participants] Nobody entered at the instant at which it was also refused, or at which it left. Whoever took a merged record's place entered as that one.
SELECT p.participant_id, p.workflow, p.record
FROM state.open_participants AS p
-- what is closed was looked at while it was open, and is as it was
JOIN state.open_participants AS q
    ON q.workflow = p.workflow AND q.record = p.record AND q.occasion = p.occasion AND q.left_at = p.entered_at
WHERE p.participant_id <> q.participant_id
    AND NOT EXISTS (SELECT 1 FROM state.transitions AS t WHERE t.participant_id IN (p.participant_id, q.participant_id) AND t.kind = 'merged')
UNION ALL
SELECT p.participant_id, p.workflow, p.record
FROM state.open_participants AS p
JOIN state.refusals AS f ON f.workflow = p.workflow AND f.record = p.record AND f.occasion = p.occasion
WHERE f.refused_from <= p.entered_at AND (f.refused_to IS NULL OR f.refused_to > p.entered_at)
    AND p.entry_mode = 'condition'
    AND NOT EXISTS (SELECT 1 FROM state.transitions AS t WHERE t.participant_id = p.participant_id AND t.kind = 'merged');

-- [waiting_for_something if state.open_participants] Every active participant that rests has a due instant or waits for a condition.
SELECT p.participant_id, p.step_id
FROM state.open_participants AS p
WHERE p.status = 'active' AND p.due_at IS NULL
    -- whom an edit sent back to the entry just before the archive froze it rests there until that is over
    AND NOT (p.step_id = '(entry)' AND EXISTS (SELECT 1 FROM live.workflows AS w WHERE w.workflow = p.workflow AND w.is_current AND w.state = 'archived'))
    AND NOT EXISTS (
        SELECT 1
        FROM live.hops AS h
        JOIN live.hop_guards AS g ON g.hop_id = h.hop_id
        WHERE h.workflow = p.workflow AND h.version = p.flow_version AND h.from_step = p.step_id
            AND NOT h.needs_timer AND g.condition IS NOT NULL
    );

-- [locks_hold if state.open_participants] Nobody is inside a workflow that was shut to its record when it entered.
SELECT p.participant_id, p.workflow, q.workflow AS locked_by
FROM state.open_participants AS p
JOIN state.open_participants AS q ON q.object = p.object AND q.record = p.record AND q.workflow <> p.workflow
JOIN live.workflows AS w ON w.workflow = q.workflow AND w.version = q.version
WHERE q.entered_at < p.entered_at AND (q.left_at IS NULL OR q.left_at >= p.entered_at)
    AND q.flow_version = q.version AND (w.shuts_all OR list_contains(w.shuts, p.workflow))
    AND NOT EXISTS (SELECT 1 FROM state.transitions AS t WHERE t.participant_id IN (p.participant_id, q.participant_id) AND t.kind = 'merged');

-- [reached_once if state.participants] A workflow that runs once has one passage for each recipient.
SELECT p.workflow, p.recipient, COUNT(*) AS passages
FROM state.participants AS p
JOIN live.workflows AS w ON w.workflow = p.workflow AND w.is_current AND w.runs_once
WHERE p.recipient IS NOT NULL AND p.entered_at > w.applied_at
GROUP BY p.workflow, p.recipient
HAVING COUNT(*) > 1;

-- [sent_in_windows if outbox.actions] No message is planned outside a window of its workflow, in its own timezone, nor for a date that is blacked out.
SELECT a.action_id, a.send_after, a.zone
FROM outbox.actions AS a
JOIN live.workflows AS w ON w.workflow = a.workflow AND w.is_current AND w.version = a.version
WHERE a.status = 'planned' AND a.kind IN ('email', 'sms', 'call') AND a.zone IS NOT NULL
    -- windows that were edited later do not move what is planned
    AND a.planned_at = (SELECT MAX(as_of) FROM journal.evaluations)
    AND (
        NOT EXISTS (
            SELECT 1 FROM live.windows AS v
            WHERE v.schedule_id = w.schedule_id AND v.weekday = isodow(a.send_after AT TIME ZONE a.zone)
                AND date_part('hour', a.send_after AT TIME ZONE a.zone) * 60 + date_part('minute', a.send_after AT TIME ZONE a.zone)
                    BETWEEN v.from_minute AND v.to_minute
        )
        OR (a.kind <> 'call' AND EXISTS (
            SELECT 1
            FROM live.blackouts AS b
            JOIN live.workflow_calendars AS c ON c.calendar = b.calendar AND c.workflow = a.workflow
            WHERE CAST(a.send_after AT TIME ZONE a.zone AS DATE) BETWEEN b.first_date AND b.last_date
        ))
    );
