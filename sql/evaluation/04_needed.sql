-- [needed] Records for which the other conditions matter: inside or watched, qualifying now, or to be enrolled.
CREATE OR REPLACE TEMP TABLE needed AS
SELECT object, record FROM watched
UNION
SELECT w.object, t.record
FROM live.workflows AS w
JOIN truths AS t ON t.condition = w.entry_condition
WHERE w.is_current AND w.state = 'enabled'
UNION
SELECT w.object, o.record
FROM orders AS o
JOIN live.workflows AS w ON w.workflow = o.workflow AND w.is_current
WHERE o.command = 'enroll';
