-- [make_run_fingerprints] What each run's rows are made from, as one hash.
CREATE OR REPLACE TEMP TABLE run_fingerprints AS
WITH part AS (
    SELECT p.participant_id, hash(p, n.label) AS part
    FROM state.participants AS p
    LEFT JOIN report_names AS n ON n.object = p.object AND n.record = p.record
    UNION ALL
    SELECT t.participant_id, hash('transition', t.evaluation_id, t.sequence, t.kind) FROM state.transitions AS t
    UNION ALL
    SELECT o.participant_id, hash('observation', o.observed_at) FROM state.observations AS o
    UNION ALL
    SELECT a.participant_id, hash(a) FROM outbox.actions AS a
    UNION ALL
    SELECT a.participant_id, hash(t) FROM outbox.attempts AS t JOIN outbox.actions AS a ON a.action_id = t.action_id
    UNION ALL
    SELECT p.participant_id, hash('refusal', r.reason, r.detail, r.until_at, r.refused_from, r.refused_to)
    FROM state.refusals AS r
    JOIN state.participants AS p ON p.workflow = r.workflow AND p.object = r.object AND p.record = r.record AND p.occasion = r.occasion
    UNION ALL
    -- a record may go after its run has left
    SELECT p.participant_id, hash('deleted', s.as_of)
    FROM inputs.records AS r
    JOIN journal.snapshots AS s ON s.snapshot_id = r.snapshot_id
    JOIN state.participants AS p ON p.object = r.object AND p.record = r.record
    WHERE r.kind = 'deleted' AND s.as_of <= $as_of
)
SELECT participant_id AS run_id, SUM(CAST(part AS HUGEINT)) AS fingerprint
FROM part
GROUP BY participant_id;

-- [make_touched_runs] The runs to which anything happened since their rows were made.
CREATE OR REPLACE TEMP TABLE touched_runs AS
SELECT n.run_id
FROM run_fingerprints AS n
LEFT JOIN report.run_made_from AS m ON m.run_id = n.run_id
WHERE $full OR n.fingerprint IS DISTINCT FROM m.fingerprint;

-- [forget_touched_runs if touched_runs] What was noted of them before is void.
DELETE FROM report.run_made_from WHERE run_id IN (SELECT run_id FROM touched_runs);

-- [note_touched_runs if touched_runs] And this is what their rows are made from now.
INSERT INTO report.run_made_from
SELECT n.run_id, n.fingerprint
FROM run_fingerprints AS n
JOIN touched_runs AS t ON t.run_id = n.run_id;

-- [make_fingerprints] What each workflow's rows are made from, as one hash: its versions, its runs, and instants that have passed.
CREATE OR REPLACE TEMP TABLE report_fingerprints AS
WITH clock AS (
    SELECT MAX(as_of) AS two_before FROM journal.evaluations WHERE evaluation_id = $evaluation_id - 2
),
part AS (
    SELECT workflow AS workflow_id, 'live' AS kind, SUM(CAST(hash(w) AS HUGEINT)) AS total, COUNT(*) AS n
    FROM live.workflows AS w
    GROUP BY workflow
    UNION ALL
    SELECT w.workflow, 'attributes', SUM(CAST(hash(a) AS HUGEINT)), COUNT(*)
    FROM live.workflows AS w
    JOIN report_attributes AS a ON a.object = w.object
    GROUP BY w.workflow
    UNION ALL
    -- what happened to a run, and what becomes of it because time has passed
    SELECT p.workflow, 'runs', SUM(CAST(hash(
        f.fingerprint,
        p.due_at < c.two_before,
        p.due_at + to_days(7) < $as_of,
        p.left_at + to_days(30) <= $as_of,
        p.entered_at + to_days(CAST(CEIL(w.longest_stay_days) AS INTEGER)) <= $as_of,
        p.entered_at + to_days(CAST(CEIL(w.longest_stay_days) AS INTEGER) + 30) <= $as_of
    ) AS HUGEINT)), COUNT(*)
    FROM state.participants AS p
    JOIN run_fingerprints AS f ON f.run_id = p.participant_id
    JOIN live.workflows AS w ON w.workflow = p.workflow AND w.version = p.version
    CROSS JOIN clock AS c
    GROUP BY p.workflow
    UNION ALL
    SELECT workflow, 'failed', 0, COUNT(*)
    FROM outbox.actions
    WHERE status = 'failed' AND status_at > $as_of - to_hours(24)
    GROUP BY workflow
)
SELECT
    workflow_id,
    md5(string_agg(concat_ws(' ', kind, total, n), ', ' ORDER BY kind)) AS fingerprint,
    BOOL_OR(kind = 'runs') AS has_runs
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

-- [forget_made_from if report_scope] Note what the rows are made from: what was noted before is void.
DELETE FROM report.made_from WHERE workflow_id IN (SELECT workflow_id FROM report_scope);

-- [note_made_from if report_scope] And this is what they are made from now.
INSERT INTO report.made_from
SELECT n.workflow_id, n.fingerprint, CAST($as_of AS DATE), $as_of
FROM report_fingerprints AS n
JOIN report_scope AS s ON s.workflow_id = n.workflow_id;
