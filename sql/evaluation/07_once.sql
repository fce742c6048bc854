-- [reached_before if passing] The recipients whom workflows that run once have reached already.
CREATE OR REPLACE TEMP TABLE reached_before AS
SELECT DISTINCT p.workflow, p.recipient
FROM state.participants AS p
WHERE p.workflow IN (SELECT workflow FROM passing WHERE runs_once);

-- [fitting if passing] Whoever passes, with its recipient; in the order in which a workflow that takes only some takes them.
CREATE OR REPLACE TEMP TABLE fitting AS
SELECT
    c.*,
    r.result AS recipient,
    COALESCE(c.matched_from, e.matched_from) AS qualifies_since,
    c.runs_once AND r.result IS NOT NULL AND (
        EXISTS (SELECT 1 FROM reached_before AS b WHERE b.workflow = c.workflow AND b.recipient = r.result)
        OR ROW_NUMBER() OVER (PARTITION BY c.workflow, r.result ORDER BY qualifies_since NULLS LAST, c.record, c.occasion) > 1
    ) AS is_repeated
FROM passing AS c
LEFT JOIN recipients AS r ON r.value = c.recipient_value AND r.record = c.record
-- whoever asks by an order alone may qualify and be refused for its spell
LEFT JOIN state.episodes AS e
    ON c.matched_from IS NULL AND e.subject = 'entry:' || c.workflow AND e.record = c.record AND e.occasion = c.occasion AND e.matched_to IS NULL;

-- [entered_lately if passing] How many entered in the present hour, day, week or month of the workflows that limit it.
CREATE OR REPLACE TEMP TABLE entered_lately AS
SELECT p.workflow, COUNT(*) AS entered_count
FROM state.participants AS p
JOIN live.workflows AS w ON w.workflow = p.workflow AND w.is_current
WHERE w.entry_limit IS NOT NULL AND p.entered_at >= $as_of - to_days(32)
    AND unit_of(w.entry_unit, p.entered_at) = unit_of(w.entry_unit, CAST($as_of AS TIMESTAMPTZ))
GROUP BY p.workflow;

-- [within_limits if fitting] Who is the first of a recipient, and among the first of a workflow that takes only some.
CREATE OR REPLACE TEMP TABLE within_limits AS
SELECT
    f.*,
    CASE
        WHEN f.is_repeated THEN 'run_once'
        WHEN f.entry_limit IS NOT NULL AND f.place > f.entry_limit - COALESCE(n.entered_count, 0) THEN 'at_most'
    END AS late_refusal
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY workflow, is_repeated ORDER BY is_ordered DESC, qualifies_since NULLS LAST, record, occasion) AS place
    FROM fitting
) AS f
LEFT JOIN entered_lately AS n ON n.workflow = f.workflow;

-- [contested if within_limits] Records that several workflows would take at once, one of which shuts others: by priority, then name.
CREATE OR REPLACE TEMP TABLE contested AS
SELECT
    object, record, workflow, occasion, shuts_all, shuts,
    ROW_NUMBER() OVER (PARTITION BY object, record ORDER BY priority DESC, workflow, occasion) AS turn
FROM within_limits
WHERE late_refusal IS NULL
QUALIFY COUNT(DISTINCT workflow) OVER (PARTITION BY object, record) > 1
    AND BOOL_OR(shuts_all OR len(shuts) > 0) OVER (PARTITION BY object, record);

-- [turns if contested] Each in its turn: who enters shuts the door to those it excludes.
CREATE OR REPLACE TEMP TABLE turns AS
WITH RECURSIVE decided AS (
    SELECT
        object, record, workflow, occasion, turn, TRUE AS is_in,
        CASE WHEN shuts_all THEN workflow END AS all_by,
        shuts AS shut
    FROM contested
    WHERE turn = 1
    UNION ALL
    SELECT
        object, record, workflow, occasion, turn, is_in,
        CASE WHEN is_in AND shuts_all THEN COALESCE(all_by, workflow) ELSE all_by END,
        CASE WHEN is_in THEN list_concat(shut, shuts) ELSE shut END
    FROM (
        SELECT
            c.*, d.all_by, d.shut,
            NOT (COALESCE(d.all_by <> c.workflow, FALSE) OR list_contains(d.shut, c.workflow)) AS is_in
        FROM decided AS d
        JOIN contested AS c ON c.object = d.object AND c.record = d.record AND c.turn = d.turn + 1
    )
)
SELECT * FROM decided;

-- [judged if candidates] Everybody who asks, with the last word. Who passes in another way already asks twice: no refusal is noted.
CREATE OR REPLACE TEMP TABLE judged AS
SELECT
    c.workflow, c.object, c.record, c.occasion, c.entry_mode, c.command_id,
    COALESCE(c.refusal, f.late_refusal, CASE WHEN NOT t.is_in THEN 'locked' END, CASE WHEN f.entry_mode <> c.entry_mode THEN 'asks_twice' END) AS refusal,
    CASE
        WHEN c.refusal = 'locked' THEN c.locked_by
        WHEN c.refusal IS NULL AND f.late_refusal = 'run_once' THEN f.recipient
        WHEN c.refusal IS NULL AND f.late_refusal IS NULL AND NOT t.is_in THEN (
            SELECT arg_min(u.workflow, u.turn) FROM turns AS u
            JOIN contested AS x ON x.object = u.object AND x.record = u.record AND x.turn = u.turn
            WHERE u.object = c.object AND u.record = c.record AND u.is_in AND u.turn < t.turn AND u.workflow <> c.workflow
                AND (x.shuts_all OR list_contains(x.shuts, c.workflow))
        )
    END AS detail,
    CASE
        WHEN c.refusal = 'waiting_after_exit' THEN c.reentry_at
        WHEN c.refusal = 'between_slots' THEN c.next_slot_at
        WHEN c.refusal IS NULL AND f.late_refusal = 'at_most' THEN next_unit(w.entry_unit, CAST($as_of AS TIMESTAMPTZ))
    END AS until_at
FROM candidates AS c
LEFT JOIN live.workflows AS w ON w.workflow = c.workflow AND w.is_current
-- who asks in two ways is judged by one, and what becomes of that is the answer to both
LEFT JOIN within_limits AS f ON f.workflow = c.workflow AND f.record = c.record AND f.occasion = c.occasion
LEFT JOIN turns AS t ON t.object = c.object AND t.record = c.record AND t.workflow = c.workflow AND t.occasion = c.occasion;

-- [close_refusals if state.refusals] End the spells of refusals that no longer hold for the same reason.
UPDATE state.refusals AS f
SET refused_to = $as_of
WHERE f.refused_to IS NULL
    AND EXISTS (SELECT 1 FROM stirred AS a WHERE a.object = f.object AND a.record = f.record)
    AND NOT EXISTS (
        SELECT 1 FROM judged AS c
        WHERE c.workflow = f.workflow AND c.record = f.record AND c.occasion = f.occasion
            AND c.refusal = f.reason AND c.detail IS NOT DISTINCT FROM f.detail AND c.entry_mode = 'condition'
    );

-- [open_refusals if judged] Begin the spells of new refusals: one row a spell, not an evaluation.
INSERT INTO state.refusals BY NAME
WITH known AS MATERIALIZED (
    -- of millions of open spells these are few
    SELECT workflow, record, occasion, reason, detail
    FROM state.refusals AS f
    WHERE f.refused_to IS NULL AND EXISTS (SELECT 1 FROM stirred AS a WHERE a.object = f.object AND a.record = f.record)
)
SELECT c.workflow, c.object, c.record, c.occasion, c.refusal AS reason, c.detail, c.until_at, $as_of AS refused_from
FROM judged AS c
WHERE c.refusal IS NOT NULL AND c.refusal <> 'asks_twice' AND c.entry_mode = 'condition'
    AND NOT EXISTS (
        SELECT 1 FROM known AS f
        WHERE f.workflow = c.workflow AND f.record = c.record AND f.occasion = c.occasion
            AND f.reason = c.refusal AND f.detail IS NOT DISTINCT FROM c.detail
    );

-- [answer_enrollments if orders] What became of those who were enrolled.
UPDATE journal.commands AS c
SET
    taken_at = $as_of,
    outcome = CASE WHEN j.refusal IS NULL OR j.refusal = 'asks_twice' THEN 'done' ELSE 'refused' END,
    reason = CASE WHEN j.refusal = 'locked' THEN 'locked:' || j.detail WHEN j.refusal <> 'asks_twice' THEN j.refusal END
FROM orders AS o
LEFT JOIN judged AS j ON j.workflow = o.workflow AND j.record = o.record AND j.entry_mode = o.entry_mode
WHERE o.command_id = c.command_id AND o.command = 'enroll';

-- [entrants if within_limits] Who enters, in which arm. The draw depends on seed, workflow and record alone: nobody changes arms.
CREATE OR REPLACE TEMP TABLE entrants AS
SELECT
    substr(md5($seed || '|' || f.workflow || '|' || f.record || '|' || CASE WHEN f.occasion = '' THEN '' ELSE f.occasion || '|' END || (COALESCE(b.named_count, 0) + 1)), 1, 20) AS participant_id,
    f.workflow,
    f.version,
    f.object,
    f.record,
    f.occasion,
    f.recipient,
    f.entry_mode,
    CAST(f.entry_count + 1 AS INTEGER) AS entry_no,
    f.matched_from,
    f.meets_objective,
    f.longest_stay_days,
    CASE WHEN draw($seed || '|holdout|' || f.workflow || '|' || f.record) < f.holdout_share THEN 'holdout' ELSE 'treatment' END AS arm
FROM within_limits AS f
LEFT JOIN turns AS t ON t.object = f.object AND t.record = f.record AND t.workflow = f.workflow AND t.occasion = f.occasion
LEFT JOIN (
    -- whoever took the place of a merged record is still named by that one
    SELECT workflow, first_record, occasion, COUNT(*) AS named_count
    FROM state.participants AS p
    WHERE EXISTS (SELECT 1 FROM within_limits AS l WHERE l.workflow = p.workflow AND l.record = p.first_record AND l.occasion = p.occasion)
    GROUP BY workflow, first_record, occasion
) AS b ON b.workflow = f.workflow AND b.first_record = f.record AND b.occasion = f.occasion
WHERE f.late_refusal IS NULL AND COALESCE(t.is_in, TRUE);
