-- [enter if entrants] Entrants become participants; a held-out one rests aside for the longest passage, and nothing is ever done to it.
INSERT INTO state.open_participants BY NAME
SELECT
    n.participant_id,
    n.workflow,
    n.version,
    n.version AS flow_version,
    n.object,
    n.record,
    n.record AS first_record,
    n.occasion,
    n.recipient,
    n.arm,
    n.entry_mode,
    n.entry_no,
    n.matched_from,
    $as_of AS entered_at,
    'active' AS status,
    CASE WHEN n.arm = 'holdout' THEN '(holdout)' ELSE '(entry)' END AS step_id,
    $as_of AS arrived_at,
    CASE WHEN n.arm = 'holdout' THEN calendar_add($as_of, 0, CAST(greatest(ceil(n.longest_stay_days), 1) AS INTEGER), 0) END AS due_at,
    n.meets_objective AS met_at_entry,
    calendar_add($as_of, 0, CAST(ceil(n.longest_stay_days) AS INTEGER) + 30, 0) AS watched_until
FROM entrants AS n;

-- [note_entries if entrants] One transition for each entrant.
INSERT INTO state.transitions
SELECT p.participant_id, $evaluation_id, 2, $as_of, 'entered', NULL, p.step_id, NULL, p.due_at, p.entry_mode
FROM state.open_participants AS p
JOIN entrants AS n ON n.participant_id = p.participant_id;

-- [keep_entry_values if entrants] The values that conditions will compare with later.
INSERT INTO state.entry_values
SELECT n.participant_id, v.value, f.result
FROM entrants AS n
JOIN live.entry_values AS v ON v.workflow = n.workflow AND v.version = n.version
JOIN values_at_entry AS f ON f.value = v.value AND f.record = n.record;
