-- [file_positions] How far files with results have been read.
SELECT file, position FROM inbox.positions;

-- [note_file_positions] The same, from now on.
INSERT OR REPLACE INTO inbox.positions SELECT file, position FROM read_files;

-- [fresh_listed] Rows of a table of events that are no results yet: those of actions that are known, and those that name none.
SELECT l.* FROM listed_events AS l
WHERE NOT EXISTS (SELECT 1 FROM inbox.results AS r WHERE r.source = $source AND r.event_id = l.event_id)
    AND (
        COALESCE(l.action_id, l.provider_id) IS NULL
        OR l.action_id IN (SELECT action_id FROM outbox.actions)
        OR l.provider_id IN (SELECT provider_id FROM outbox.attempts WHERE provider_id IS NOT NULL)
    );

-- [foreign_listed] And how many are about something else.
SELECT COUNT(*) AS event_count FROM listed_events AS l
WHERE COALESCE(l.action_id, l.provider_id) IS NOT NULL
    AND COALESCE(l.action_id NOT IN (SELECT action_id FROM outbox.actions), TRUE)
    AND COALESCE(l.provider_id NOT IN (SELECT provider_id FROM outbox.attempts WHERE provider_id IS NOT NULL), TRUE);

-- [waiting_events] Events of actions that were not known when they came, while it may still be that they will be.
SELECT place, source, event, received_at FROM inbox.aside
WHERE reason = 'unknown-action' AND received_at > CAST($now AS TIMESTAMPTZ) - to_days(3)
ORDER BY place;

-- [match_events] The action of each event that is no result yet: by its id, or by the provider's own name for what it did where that is one action's.
CREATE OR REPLACE TEMP TABLE matched_events AS
SELECT e.*, a.action_id AS found_id
FROM (
    SELECT * REPLACE (
        CAST(action_id AS VARCHAR) AS action_id,
        CAST(provider_id AS VARCHAR) AS provider_id,
        CAST(value AS VARCHAR) AS value,
        CAST(bounce AS VARCHAR) AS bounce,
        CAST(recipient AS VARCHAR) AS recipient
    )
    FROM arrived_events
    QUALIFY ROW_NUMBER() OVER (PARTITION BY source, event_id ORDER BY received_at, place) = 1
) AS e
LEFT JOIN (
    SELECT provider_id, MIN(action_id) AS action_id
    FROM outbox.attempts
    WHERE provider_id IS NOT NULL
    GROUP BY provider_id
    HAVING COUNT(DISTINCT action_id) = 1
) AS t ON e.action_id IS NULL AND t.provider_id = e.provider_id
LEFT JOIN outbox.actions AS a ON a.action_id = COALESCE(e.action_id, t.action_id)
WHERE NOT EXISTS (SELECT 1 FROM inbox.results AS r WHERE r.source = e.source AND r.event_id = e.event_id);

-- [add_results] Each becomes a result, sealed.
INSERT INTO inbox.results BY NAME
SELECT *, seal_of_result(action_id, result, value, recipient, happened_at, received_at, source, event_id, bounce) AS seal
FROM (
    SELECT
        found_id AS action_id, result, value, recipient,
        CAST(happened_at AS TIMESTAMPTZ) AS happened_at, CAST(received_at AS TIMESTAMPTZ) AS received_at,
        source, event_id, bounce
    FROM matched_events WHERE found_id IS NOT NULL
);

-- [add_suppressions] Whoever unsubscribed, complained, or cannot be reached at all is written to no more.
INSERT INTO state.suppressions BY NAME
SELECT *, seal_of_suppression(object, recipient, since, reason) AS seal
FROM (
    SELECT
        w.recipient_object AS object,
        COALESCE(e.recipient, a.recipient) AS recipient,
        MIN(CAST(e.happened_at AS TIMESTAMPTZ)) AS since,
        arg_min(CASE e.result WHEN 'bounced' THEN 'hard_bounce' ELSE e.result END, e.happened_at) AS reason
    FROM matched_events AS e
    JOIN outbox.actions AS a ON a.action_id = e.found_id
    JOIN live.workflows AS w ON w.workflow = a.workflow AND w.version = a.version
    WHERE (e.result IN ('unsubscribed', 'complained') OR (e.result = 'bounced' AND e.bounce = 'hard'))
        AND w.recipient_object IS NOT NULL AND COALESCE(e.recipient, a.recipient) IS NOT NULL
    GROUP BY ALL
) AS n
WHERE NOT EXISTS (
    SELECT 1 FROM state.suppressions AS s
    WHERE s.object = n.object AND s.recipient = n.recipient AND s.since <= n.since
)
RETURNING object, recipient, reason;

-- [settled_by_events] Actions of which nobody knew whether they were done, and what an event says of it.
SELECT
    e.found_id AS action_id,
    CASE WHEN BOOL_AND(e.result = 'dropped') THEN 'dropped' ELSE 'sent' END AS status,
    arg_min(e.result, e.happened_at) AS result
FROM matched_events AS e
JOIN outbox.actions AS a ON a.action_id = e.found_id
WHERE a.status = 'uncertain'
GROUP BY e.found_id
ORDER BY e.found_id;

-- [keep_unknown] What is about no action that is known waits.
INSERT INTO inbox.aside
SELECT place, source, 'unknown-action', 'no action has this id', event, received_at
FROM matched_events WHERE found_id IS NULL
ON CONFLICT DO NOTHING;

-- [forget_known] What waited and has been found, and what has waited for long, goes.
DELETE FROM inbox.aside
WHERE reason = 'unknown-action'
    AND (
        received_at < CAST($now AS TIMESTAMPTZ) - to_days(30)
        OR place IN (SELECT place FROM arrived_events WHERE NOT EXISTS (
            SELECT 1 FROM matched_events AS m WHERE m.place = arrived_events.place AND m.found_id IS NULL
        ))
    );

-- [keep_malformed] What cannot be read is put aside.
INSERT INTO inbox.aside SELECT place, source, reason, message, event, CAST(received_at AS TIMESTAMPTZ) FROM malformed_events ON CONFLICT DO NOTHING;

-- [arrived_counts] What became of events; those that wait already are not counted again.
SELECT
    COUNT(found_id) AS result_count,
    COUNT(*) FILTER (WHERE found_id IS NULL AND place NOT IN (SELECT place FROM inbox.aside)) AS unknown_count
FROM matched_events;

-- [aside_rows] What was put aside, the latest first.
SELECT place, source, reason, message, received_at FROM inbox.aside ORDER BY received_at DESC, place LIMIT $limit;
