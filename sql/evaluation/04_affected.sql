-- [everyone] A full evaluation judges every record, and whoever is inside, watched or was true without having one any more.
CREATE OR REPLACE TEMP TABLE affected AS
SELECT object, record, TRUE AS is_reached
FROM (
    SELECT object, record FROM records
    UNION
    SELECT object, record FROM watched_participants
    UNION
    SELECT object, record FROM state.episodes WHERE matched_to IS NULL
);

-- [reached] Room for the records that changes, related rows and the clock have reached.
CREATE OR REPLACE TEMP TABLE reached (object VARCHAR, record VARCHAR);

-- [affected] The records that are judged: reached, due, moved at the last evaluation, ordered about, reaching a goal, or kept out by what may open by itself.
-- Of whoever is only due nothing is otherwise than it was: nobody asks anew to enter.
CREATE OR REPLACE TEMP TABLE affected AS
SELECT object, record, BOOL_OR(is_reached) AS is_reached
FROM (
    SELECT object, record, TRUE AS is_reached FROM reached
    UNION ALL
    SELECT object, record, arrived_at >= $previous_as_of OR entered_at >= $previous_as_of
    FROM state.open_participants
    WHERE arrived_at >= $previous_as_of OR entered_at >= $previous_as_of OR (left_at IS NULL AND due_at <= $as_of)
    UNION ALL
    -- whoever leaves by a goal may enter elsewhere
    SELECT object, record, FALSE FROM goals_happened
    UNION ALL
    SELECT f.object, f.record, TRUE
    FROM state.refusals AS f
    WHERE f.refused_to IS NULL
        -- the other reasons hold until something happens to the record
        AND (f.reason IN ('locked', 'run_once', 'at_most', 'between_slots') OR f.until_at <= $as_of)
    UNION ALL
    SELECT w.object, o.record, TRUE
    FROM orders AS o
    JOIN live.workflows AS w ON w.workflow = o.workflow AND w.is_current
    WHERE o.record IS NOT NULL
    UNION ALL
    SELECT p.object, unnest([p.record, m.survivor]), TRUE
    FROM merged AS m
    JOIN state.open_participants AS p ON p.participant_id = m.participant_id
)
GROUP BY object, record;

-- [watched if watched_participants] Records whose objective is observed, of those that are judged.
CREATE OR REPLACE TEMP TABLE watched AS
SELECT object, record FROM watched_participants
INTERSECT
SELECT object, record FROM affected;
