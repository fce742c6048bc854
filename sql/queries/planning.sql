-- [effects] What the evaluations after one instant, up to another, caused, counted by kind and detail.
SELECT kind, workflow, detail, COUNT(*) AS count
FROM (
    SELECT 'entered' AS kind, workflow, '' AS detail FROM state.participants
    WHERE entered_at > $since AND entered_at <= $until
    UNION ALL
    SELECT 'held_out', workflow, '' FROM state.participants
    WHERE entered_at > $since AND entered_at <= $until AND arm = 'holdout'
    UNION ALL
    SELECT 'refused', workflow, reason FROM state.refusals
    WHERE refused_from > $since AND refused_from <= $until
    UNION ALL
    SELECT 'exited', workflow, exit_reason FROM state.participants
    WHERE left_at > $since AND left_at <= $until AND status = 'exited'
    UNION ALL
    SELECT status, workflow, '' FROM state.participants
    WHERE left_at > $since AND left_at <= $until AND status <> 'exited'
    UNION ALL
    SELECT CASE status WHEN 'dropped' THEN 'dropped' ELSE 'action' END, workflow, kind FROM outbox.actions
    WHERE planned_at > $since AND planned_at <= $until
)
GROUP BY kind, workflow, detail
ORDER BY kind, workflow, detail;

-- [entries_of] Entries at one instant, workflow by workflow.
SELECT workflow, object, COUNT(*) AS entered_count
FROM state.participants
WHERE entered_at = $as_of
GROUP BY workflow, object
ORDER BY entered_count DESC, workflow;

-- [actions_by_owner] Actions planned at one instant for each user, and the workflow that plans most of them.
SELECT owner, CAST(SUM(count) AS BIGINT) AS count, arg_max(workflow, (count, workflow)) AS workflow
FROM (
    SELECT owner, workflow, COUNT(*) AS count
    FROM (
        SELECT
            a.workflow,
            COALESCE(
                json_extract_string(a.values, '$."' || json_extract_string(c.body, '$.assign.value') || '"'),
                CASE WHEN json_type(c.body, '$.assign') = 'VARCHAR' THEN json_extract_string(c.body, '$.assign') END
            ) AS owner
        FROM outbox.actions AS a
        JOIN live.contents AS c ON c.content_id = a.content_id
        WHERE a.planned_at = $as_of AND a.status <> 'dropped'
    )
    WHERE owner IS NOT NULL
    GROUP BY owner, workflow
)
GROUP BY owner
ORDER BY count DESC, owner
LIMIT 1;

-- [messages_by_recipient] Messages planned at one instant for each recipient, and the workflow that plans most of them.
SELECT recipient, CAST(SUM(count) AS BIGINT) AS count, arg_max(workflow, (count, workflow)) AS workflow
FROM (
    SELECT recipient, workflow, COUNT(*) AS count
    FROM outbox.actions
    WHERE planned_at = $as_of AND status <> 'dropped' AND recipient IS NOT NULL AND kind IN ('email', 'sms', 'call')
    GROUP BY recipient, workflow
)
GROUP BY recipient
ORDER BY count DESC, recipient
LIMIT 1;

-- [enable_for_rehearsal] Only ever inside a rehearsal: a draft as if it were enabled.
UPDATE live.workflows SET state = 'enabled' WHERE workflow = $workflow AND is_current;

-- [entrants_of] Who entered a workflow at one instant.
SELECT record, occasion, arm FROM state.participants WHERE workflow = $workflow AND entered_at = $as_of ORDER BY record, occasion;

-- [open_spells_of] How many spells of qualifying are open for a workflow, and of how many records.
SELECT COUNT(*) AS spells, COUNT(DISTINCT record) AS records FROM state.episodes WHERE subject = 'entry:' || $workflow AND matched_to IS NULL;

-- [open_refusals] Who qualifies for a workflow and is kept out, by which gate.
SELECT * FROM state.refusals WHERE workflow = $workflow AND refused_to IS NULL ORDER BY reason, record, occasion;
