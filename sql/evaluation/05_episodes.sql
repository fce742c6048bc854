-- [spells] What is true now and whose spells are kept: entry conditions of workflows, and conditions under held_for.
CREATE OR REPLACE TEMP TABLE spells AS
SELECT 'entry:' || w.workflow AS subject, w.object, t.record, COALESCE(e.occasion, '') AS occasion
FROM live.workflows AS w
JOIN truths AS t ON t.condition = w.entry_condition
LEFT JOIN each_rows AS e ON e.each = w.each_value AND e.record = t.record
WHERE w.is_current AND w.state <> 'draft' AND (w.each_value IS NULL OR e.occasion IS NOT NULL)
UNION ALL
SELECT 'held:' || h.condition, h.object, t.record, ''
FROM held AS h
JOIN truths AS t ON t.condition = h.condition;

-- [close_episodes if state.episodes] End the spells of what is no longer true.
UPDATE state.episodes AS e
SET matched_to = $as_of
WHERE e.matched_to IS NULL
    AND EXISTS (SELECT 1 FROM affected AS a WHERE a.object = e.object AND a.record = e.record AND a.is_reached)
    AND NOT EXISTS (
        SELECT 1 FROM spells AS s
        WHERE s.subject = e.subject AND s.object = e.object AND s.record = e.record AND s.occasion = e.occasion
    );

-- [open_episodes if spells] Begin the spells of what has become true.
INSERT INTO state.episodes BY NAME
SELECT s.subject, s.object, s.record, s.occasion, $as_of AS matched_from
FROM spells AS s
WHERE NOT EXISTS (
    SELECT 1 FROM state.episodes AS e
    WHERE e.matched_to IS NULL
        AND e.subject = s.subject AND e.object = s.object AND e.record = s.record AND e.occasion = s.occasion
);
