-- [spells] What is true now and whose spells are kept: entry conditions of workflows, and conditions under held_for.
CREATE OR REPLACE TEMP TABLE spells AS
SELECT 'entry:' || w.workflow AS subject, w.object, t.record
FROM live.workflows AS w
JOIN truths AS t ON t.condition = w.entry_condition
WHERE w.is_current AND w.state <> 'draft'
UNION ALL
SELECT 'held:' || h.condition, h.object, t.record
FROM held AS h
JOIN truths AS t ON t.condition = h.condition;

-- [close_episodes] End the spells of what is no longer true.
UPDATE state.episodes AS e
SET matched_to = $as_of
WHERE e.matched_to IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM spells AS s
        WHERE s.subject = e.subject AND s.object = e.object AND s.record = e.record
    );

-- [open_episodes] Begin the spells of what has become true.
INSERT INTO state.episodes (subject, object, record, matched_from, matched_to)
SELECT s.subject, s.object, s.record, $as_of, NULL
FROM spells AS s
WHERE NOT EXISTS (
    SELECT 1 FROM state.episodes AS e
    WHERE e.matched_to IS NULL AND e.subject = s.subject AND e.object = s.object AND e.record = s.record
);
