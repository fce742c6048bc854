-- [see_claims if outbox.journal] What a delivery that died left claimed is noted as found: nothing else would tell of it later.
INSERT INTO outbox.attempts BY NAME
SELECT
    a.action_id,
    CAST(COALESCE(t.attempt, 0) + 1 AS INTEGER) AS attempt,
    '' AS batch_id,
    '' AS sink,
    a.status_at AS attempted_at,
    'claimed' AS outcome,
    a.status_reason AS message
FROM outbox.actions AS a
LEFT JOIN (
    SELECT action_id, MAX(attempt) AS attempt, arg_max(outcome, attempt) AS outcome FROM outbox.attempts GROUP BY action_id
) AS t ON t.action_id = a.action_id
WHERE a.status = 'claimed' AND t.outcome IS DISTINCT FROM 'claimed';

-- [see_commands if journal.commands] This evaluation is the first that sees these orders; a seal that a row has already stays.
UPDATE journal.commands
SET seen_by = $evaluation_id, seal = COALESCE(seal, seal_of_command(command_id, given_at, given_by, command, workflow, record, step_id, given_number))
WHERE seen_by IS NULL AND given_at <= $as_of;

-- [see_results if inbox.results] And these results.
UPDATE inbox.results
SET seen_by = $evaluation_id, seal = COALESCE(seal, seal_of_result(action_id, result, value, recipient, happened_at, received_at, source, event_id, bounce))
WHERE seen_by IS NULL;

-- [see_suppressions if state.suppressions] And these suppressions.
UPDATE state.suppressions
SET seen_by = $evaluation_id, seal = COALESCE(seal, seal_of_suppression(object, recipient, since, reason))
WHERE seen_by IS NULL;

-- [see_attempts if outbox.attempts] And these tries at delivery, from which the status of actions comes.
UPDATE outbox.attempts
SET seen_by = $evaluation_id, seal = COALESCE(seal, seal_of_attempt(action_id, attempt, batch_id, attempted_at, outcome, message, sink, code, provider_id, payload_hash, retry_at))
WHERE seen_by IS NULL;

-- [see_batches if outbox.batches] And these batches.
UPDATE outbox.batches
SET seen_by = $evaluation_id, seal = COALESCE(seal, seal_of_batch(batch_id, sink, kind, evaluation_id, action_count, checksum, location, written_at))
WHERE seen_by IS NULL;

-- [total_inputs if journal.commands or inbox.results or state.suppressions or outbox.attempts or outbox.batches] How much of it there is, and its hash, table by table.
INSERT INTO inputs.totals
SELECT $evaluation_id, source, COUNT(*), md5(CAST(SUM(seal) AS VARCHAR))
FROM (
    SELECT 'journal.commands' AS source, seal FROM journal.commands WHERE seen_by = $evaluation_id
    UNION ALL
    SELECT 'inbox.results', seal FROM inbox.results WHERE seen_by = $evaluation_id
    UNION ALL
    SELECT 'state.suppressions', seal FROM state.suppressions WHERE seen_by = $evaluation_id
    UNION ALL
    SELECT 'outbox.attempts', seal FROM outbox.attempts WHERE seen_by = $evaluation_id
    UNION ALL
    SELECT 'outbox.batches', seal FROM outbox.batches WHERE seen_by = $evaluation_id
)
GROUP BY source;
