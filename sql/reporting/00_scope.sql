-- [make_fingerprints] What each workflow's rows are made from, as one hash: rows of its own, and instants that have passed.
CREATE OR REPLACE TEMP TABLE report_fingerprints AS
WITH clock AS (
    SELECT MAX(as_of) AS two_before FROM journal.evaluations WHERE evaluation_id = $evaluation_id - 2
),
part AS (
    SELECT workflow AS workflow_id, 'live' AS kind, SUM(CAST(hash(w) AS HUGEINT)) AS total, COUNT(*) AS n
    FROM live.workflows AS w
    GROUP BY workflow
    UNION ALL
    SELECT p.workflow, 'participants', SUM(CAST(hash(p, n.label) AS HUGEINT)), COUNT(*)
    FROM state.participants AS p
    LEFT JOIN report_names AS n ON n.object = p.object AND n.record = p.record
    GROUP BY p.workflow
    UNION ALL
    -- what becomes of a run because time has passed, and nothing else
    SELECT p.workflow, 'time', SUM(CAST(hash(
        p.participant_id,
        p.due_at < c.two_before,
        p.due_at + to_days(7) < $as_of,
        p.left_at + to_days(30) <= $as_of,
        p.entered_at + to_days(CAST(CEIL(w.longest_stay_days) AS INTEGER)) <= $as_of,
        p.entered_at + to_days(CAST(CEIL(w.longest_stay_days) AS INTEGER) + 30) <= $as_of
    ) AS HUGEINT)), COUNT(*)
    FROM state.participants AS p
    JOIN live.workflows AS w ON w.workflow = p.workflow AND w.version = p.version
    CROSS JOIN clock AS c
    GROUP BY p.workflow
    UNION ALL
    SELECT p.workflow, 'transitions', 0, COUNT(*)
    FROM state.transitions AS t
    JOIN state.participants AS p ON p.participant_id = t.participant_id
    GROUP BY p.workflow
    UNION ALL
    SELECT p.workflow, 'observations', 0, COUNT(*)
    FROM state.observations AS o
    JOIN state.participants AS p ON p.participant_id = o.participant_id
    GROUP BY p.workflow
    UNION ALL
    SELECT a.workflow, 'actions', SUM(CAST(hash(a, a.status = 'failed' AND a.status_at > $as_of - to_hours(24)) AS HUGEINT)), COUNT(*)
    FROM outbox.actions AS a
    GROUP BY a.workflow
    UNION ALL
    SELECT a.workflow, 'attempts', SUM(CAST(hash(t) AS HUGEINT)), COUNT(*)
    FROM outbox.attempts AS t
    JOIN outbox.actions AS a ON a.action_id = t.action_id
    GROUP BY a.workflow
    UNION ALL
    SELECT r.workflow, 'refusals', SUM(CAST(hash(r) AS HUGEINT)), COUNT(*)
    FROM state.refusals AS r
    GROUP BY r.workflow
    UNION ALL
    -- a record may go after its run has left
    SELECT p.workflow, 'lost', 0, COUNT(*)
    FROM inputs.records AS r
    JOIN journal.snapshots AS s ON s.snapshot_id = r.snapshot_id
    JOIN state.participants AS p ON p.object = r.object AND p.record = r.record
    WHERE r.kind = 'deleted' AND s.as_of <= $as_of
    GROUP BY p.workflow
    UNION ALL
    SELECT w.workflow, 'attributes', SUM(CAST(hash(a) AS HUGEINT)), COUNT(*)
    FROM live.workflows AS w
    JOIN report_attributes AS a ON a.object = w.object
    GROUP BY w.workflow
)
SELECT
    workflow_id,
    md5(string_agg(concat_ws(' ', kind, total, n), ', ' ORDER BY kind)) AS fingerprint,
    BOOL_OR(kind = 'participants') AS has_runs
FROM part
GROUP BY workflow_id;

-- [make_scope] The workflows whose rows can have changed: made from something else now, on another date, or gone.
CREATE OR REPLACE TEMP TABLE report_scope AS
SELECT COALESCE(n.workflow_id, m.workflow_id) AS workflow_id
FROM report_fingerprints AS n
FULL JOIN report.made_from AS m ON m.workflow_id = n.workflow_id
WHERE $full
    OR n.fingerprint IS DISTINCT FROM m.fingerprint
    -- a run's day counts go on, and every day is a row of the series
    OR (n.has_runs AND m.local_date IS DISTINCT FROM CAST($as_of AS DATE));

-- [forget_made_from] Note what the rows are made from: what was noted before is void.
DELETE FROM report.made_from WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [note_made_from] And this is what they are made from now.
INSERT INTO report.made_from
SELECT n.workflow_id, n.fingerprint, CAST($as_of AS DATE), $as_of
FROM report_fingerprints AS n
JOIN report_scope AS s ON s.workflow_id = n.workflow_id;
