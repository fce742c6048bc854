-- [workflow_memory] When a workflow was first evaluated while enabled.
SELECT first_enabled_at FROM state.workflows WHERE workflow = $workflow;

-- [spell_of] Since when a record qualifies for a workflow without a break.
SELECT matched_from
FROM state.episodes
WHERE subject = 'entry:' || $workflow AND object = $object AND record = $record AND occasion = $occasion AND matched_to IS NULL;

-- [occasions_of] The related rows by which a record was ever asked about in a workflow.
SELECT occasion FROM state.episodes WHERE subject = 'entry:' || $workflow AND object = $object AND record = $record
UNION
SELECT occasion FROM state.participants WHERE workflow = $workflow AND record = $record
ORDER BY occasion;

-- [refusal_of] The gate that keeps a record out of a workflow now.
SELECT *
FROM state.refusals
WHERE workflow = $workflow AND record = $record AND occasion = $occasion AND refused_to IS NULL
ORDER BY refused_from DESC
LIMIT 1;

-- [passages_of] A record's passages through a workflow.
SELECT
    participant_id, entry_no, entry_mode, matched_from, arm, status, step_id, due_at, entered_at, left_at, exit_reason, recipient,
    workflow, version, flow_version, left_at IS NULL OR watched_until >= $as_of AS is_observed
FROM state.participants
WHERE workflow = $workflow AND record = $record AND occasion = $occasion
ORDER BY entry_no;

-- [moves_of] What happened in a record's passages, in order.
SELECT t.participant_id, t.evaluation_id, t.sequence, t.happened_at, t.kind, t.to_step, t.due_at, t.reason
FROM state.transitions AS t
JOIN state.participants AS p ON p.participant_id = t.participant_id
WHERE p.workflow = $workflow AND p.record = $record AND p.occasion = $occasion
ORDER BY t.evaluation_id, t.sequence;

-- [steps_passed] The steps and arms that each move passed, in order.
SELECT t.participant_id, t.evaluation_id, t.sequence, h.step_id, h.arm, s.kind, s.label
FROM state.transitions AS t
JOIN state.participants AS p ON p.participant_id = t.participant_id
JOIN live.hops AS w ON w.hop_id = t.hop_id
JOIN live.hop_path AS h ON h.hop_id = t.hop_id
JOIN live.steps AS s ON s.workflow = w.workflow AND s.version = w.version AND s.step_id = h.step_id
WHERE p.workflow = $workflow AND p.record = $record AND p.occasion = $occasion
ORDER BY t.evaluation_id, t.sequence, h.position;

-- [actions_of] What was planned in a record's passages.
SELECT participant_id, evaluation_id, step_id, kind, status, status_at, status_reason, send_after, due_at
FROM outbox.actions
WHERE workflow = $workflow AND record = $record AND occasion = $occasion
ORDER BY evaluation_id, step_id;

-- [step_labels] What people read instead of the steps' ids, in a version.
SELECT step_id, label FROM live.steps WHERE workflow = $workflow AND version = $version ORDER BY position;

-- [retired_version] A version as it was written, unless it is live.
SELECT definition FROM live.workflows WHERE workflow = $workflow AND version = $version AND NOT is_current;

-- [draw_of] The stable draw of a text, as splits use it.
SELECT draw($text) AS draw;

-- [entrants_without_evidence] Who entered by condition in an evaluation and has no evidence, unless a newer snapshot was taken.
SELECT p.participant_id AS run_id, p.workflow, p.object, p.record
FROM state.participants AS p
JOIN journal.evaluations AS e ON e.as_of = p.entered_at
WHERE e.evaluation_id = $evaluation_id
    AND p.entry_mode = 'condition'
    AND e.snapshot_id = (SELECT MAX(snapshot_id) FROM journal.snapshots)
    AND NOT EXISTS (SELECT 1 FROM report.entry_evidence AS k WHERE k.run_id = p.participant_id)
ORDER BY p.workflow, p.record, p.participant_id
LIMIT $most;
