-- [needed] Records for which the other conditions matter: inside or watched, or qualifying now.
CREATE OR REPLACE TEMP TABLE needed AS
SELECT object, record FROM watched
UNION
SELECT w.object, t.record
FROM live.workflows AS w
JOIN truths AS t ON t.condition = w.entry_condition
WHERE w.is_current AND w.state = 'enabled';
