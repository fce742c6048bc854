-- [seen if watched_participants or entrants] The objective of every participant that is watched, by the version it entered with, where it differs from last time.
CREATE OR REPLACE TEMP TABLE seen AS
SELECT
    p.participant_id,
    p.entered_at,
    p.met_at_entry,
    p.objective_met_at,
    o.record IS NOT NULL OR q.participant_id IS NOT NULL AS is_met,
    m.result AS measure,
    p.is_met AS was_met,
    p.measure AS last_measure
FROM state.open_participants AS p
JOIN affected AS k ON k.object = p.object AND k.record = p.record
-- what is gone cannot be seen: what was seen last stands
JOIN records AS r ON r.object = p.object AND r.record = p.record
JOIN live.workflows AS w ON w.workflow = p.workflow AND w.version = p.version
LEFT JOIN truths AS o ON o.condition = w.objective_condition AND o.record = p.record
LEFT JOIN personal_truths AS q ON q.condition = w.objective_condition AND q.participant_id = p.participant_id
LEFT JOIN measures AS m ON m.value = w.measure_value AND m.record = p.record
WHERE w.objective_condition IS NOT NULL
    AND (p.left_at IS NULL OR p.watched_until >= $as_of)
    AND ((o.record IS NOT NULL OR q.participant_id IS NOT NULL) IS DISTINCT FROM p.is_met OR m.result IS DISTINCT FROM p.measure);

-- [observe if seen] Changes of objective and measure, one row each.
INSERT INTO state.observations
SELECT participant_id, $as_of, is_met, measure
FROM seen;

-- [note_first_met if seen] One transition when the objective is first met after entry.
INSERT INTO state.transitions
SELECT participant_id, $evaluation_id, 4, $as_of, 'objective_met', NULL, NULL, NULL, NULL, NULL
FROM seen
WHERE is_met AND objective_met_at IS NULL AND NOT met_at_entry AND entered_at < $as_of;

-- [remember_observation if seen] What was seen last, and when the objective was first met.
UPDATE state.open_participants AS p
SET
    is_met = s.is_met,
    measure = s.measure,
    objective_met_at = CASE
        WHEN s.is_met AND NOT s.met_at_entry AND s.entered_at < $as_of THEN COALESCE(p.objective_met_at, $as_of)
        ELSE p.objective_met_at
    END
FROM seen AS s
WHERE s.participant_id = p.participant_id;
