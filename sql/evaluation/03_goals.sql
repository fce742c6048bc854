-- [asked_goals if live.goals] The goals of everybody inside who goes on; whoever is paused or in error reaches none.
CREATE OR REPLACE TEMP TABLE asked_goals AS
SELECT p.participant_id, p.object, p.record, w.recipient_object, p.recipient, COALESCE(p.goals_from, p.entered_at) AS goals_from, g.position, g.name, g.kind, g.value, g.condition
FROM state.open_participants AS p
JOIN live.workflows AS w ON w.workflow = p.workflow AND w.version = p.flow_version
JOIN live.goals AS g ON g.workflow = p.workflow AND g.version = p.flow_version
WHERE p.left_at IS NULL AND p.status = 'active';

-- [goals_happened if asked_goals] Goals that are reached by what somebody did, which changes no record.
CREATE OR REPLACE TEMP TABLE goals_happened AS
SELECT g.participant_id, g.object, g.record, g.name, g.position, h.happened_at AS reached_at
FROM asked_goals AS g
JOIN happenings AS h ON h.kind = g.kind AND h.object = g.recipient_object AND h.record = g.recipient
WHERE h.happened_at > g.goals_from AND (g.value IS NULL OR g.value = h.value)
UNION ALL
SELECT g.participant_id, g.object, g.record, g.name, g.position, h.happened_at
FROM asked_goals AS g
JOIN happenings AS h ON h.kind = g.kind AND h.object = g.object AND h.record = g.record
WHERE h.happened_at > g.goals_from AND (g.value IS NULL OR g.value = h.value);
