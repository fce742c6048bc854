-- [orders] What operators and enroll steps ordered since the last evaluation, in order.
CREATE OR REPLACE TEMP TABLE orders AS
SELECT
    *,
    CASE WHEN given_by LIKE '(step) %' THEN 'enrolled' ELSE 'manual' END AS entry_mode,
    ROW_NUMBER() OVER (ORDER BY given_at, given_number NULLS LAST, command_id) AS number
FROM journal.commands
WHERE taken_at IS NULL AND given_at <= $as_of;

-- [state_orders if orders] Orders about a workflow's state, one after the other, and whether the state they find allows them.
CREATE OR REPLACE TEMP TABLE state_orders AS
WITH RECURSIVE asked AS (
    SELECT o.command_id, o.number, o.workflow, o.command, w.state, ROW_NUMBER() OVER (PARTITION BY o.workflow ORDER BY o.number) AS turn
    FROM orders AS o
    LEFT JOIN live.workflows AS w ON w.workflow = o.workflow AND w.is_current
    WHERE o.record IS NULL AND o.command IN ('enable', 'resume', 'pause', 'archive', 'disable')
), judged AS (
    SELECT * FROM asked WHERE turn = 1
    UNION ALL
    SELECT a.command_id, a.number, a.workflow, a.command, COALESCE(state_after(j.command, j.state), j.state), a.turn
    FROM judged AS j
    JOIN asked AS a ON a.workflow = j.workflow AND a.turn = j.turn + 1
)
SELECT
    command_id, number, workflow, state_after(command, state) AS new_state,
    CASE WHEN state IS NULL THEN 'unknown_workflow' WHEN state_after(command, state) IS NULL THEN 'workflow_' || state END AS refusal
FROM judged;

-- [change_states if state_orders] The last allowed order of a workflow is its state from now on, until its file says otherwise.
UPDATE live.workflows AS w
SET state = s.new_state
FROM (
    SELECT workflow, arg_max(new_state, number) AS new_state FROM state_orders WHERE refusal IS NULL GROUP BY workflow
) AS s
WHERE s.workflow = w.workflow AND w.is_current;

-- [changed_states] Workflows in another state than at the last evaluation, and those that are enabled for the first time.
CREATE OR REPLACE TEMP TABLE changed_states AS
SELECT w.workflow, w.state, m.last_state, m.workflow IS NULL AS is_first
FROM live.workflows AS w
LEFT JOIN state.workflows AS m ON m.workflow = w.workflow
WHERE w.is_current AND w.state IS DISTINCT FROM m.last_state AND (m.workflow IS NOT NULL OR w.state = 'enabled');

-- [remember_first_enabling if changed_states] Note when a workflow is evaluated enabled for the first time: newcomers are judged against it.
INSERT INTO state.workflows BY NAME
SELECT workflow, $as_of AS first_enabled_at, state AS last_state
FROM changed_states
WHERE is_first;

-- [remember_states if changed_states] The state of each workflow that has ever been enabled.
UPDATE state.workflows AS m
SET last_state = c.state
FROM changed_states AS c
WHERE c.workflow = m.workflow;

-- [forwarded if changed_states] Who rests in a workflow that comes back from the archive.
CREATE OR REPLACE TEMP TABLE forwarded AS
SELECT p.participant_id
FROM state.open_participants AS p
JOIN changed_states AS c ON c.workflow = p.workflow
WHERE c.last_state = 'archived'
    AND p.left_at IS NULL AND p.status = 'active' AND p.step_id <> '(holdout)';

-- [fast_forward if forwarded] The wait at which they rest counts as over.
UPDATE state.open_participants AS p
SET due_at = least(COALESCE(p.due_at, $as_of), $as_of)
FROM forwarded AS f
WHERE f.participant_id = p.participant_id;

-- [changed_flows if state.open_participants] Participants whose workflow has another version, and whether its steps are the same.
CREATE OR REPLACE TEMP TABLE changed_flows AS
SELECT
    p.participant_id,
    p.step_id,
    w.version,
    p.step_id = '(holdout)' OR o.structure_fingerprint = w.structure_fingerprint AS has_same_steps,
    w.on_structural_change AS on_change,
    m.to_step
FROM state.open_participants AS p
JOIN live.workflows AS w ON w.workflow = p.workflow AND w.is_current
LEFT JOIN live.workflows AS o ON o.workflow = p.workflow AND o.version = p.flow_version
LEFT JOIN live.step_moves AS m ON m.workflow = w.workflow AND m.version = w.version AND m.from_step = p.step_id
WHERE p.left_at IS NULL AND p.flow_version <> w.version;

-- [follow_current_version if changed_flows] Participants follow the version that is live: edits reach those who have not reached the step.
UPDATE state.open_participants AS p
SET
    flow_version = c.version,
    step_id = CASE WHEN c.has_same_steps THEN p.step_id WHEN c.on_change = 'restart' THEN '(entry)' ELSE COALESCE(c.to_step, p.step_id) END,
    due_at = CASE WHEN NOT c.has_same_steps AND c.on_change = 'restart' THEN NULL ELSE p.due_at END,
    restarts = p.restarts + CASE WHEN NOT c.has_same_steps AND c.on_change = 'restart' THEN 1 ELSE 0 END
FROM changed_flows AS c
WHERE c.participant_id = p.participant_id AND (c.has_same_steps OR c.on_change IN ('restart', 'move'));

-- [note_changed_flows if changed_flows] One transition for each participant that stands elsewhere now.
INSERT INTO state.transitions
SELECT
    participant_id, $evaluation_id, 0, $as_of, CASE on_change WHEN 'restart' THEN 'restarted' ELSE 'moved' END,
    step_id, CASE on_change WHEN 'restart' THEN '(entry)' ELSE COALESCE(to_step, step_id) END, NULL, NULL, 'steps_changed'
FROM changed_flows
WHERE NOT has_same_steps AND on_change IN ('restart', 'move');

-- [cancel_restarted if changed_flows] Whatever was planned for those who begin anew and not yet sent is cancelled.
UPDATE outbox.actions AS a
SET status = 'cancelled', status_at = $as_of, status_reason = 'steps_changed'
FROM changed_flows AS c
WHERE c.participant_id = a.participant_id AND a.status IN ('planned', 'awaiting_approval')
    AND NOT c.has_same_steps AND c.on_change = 'restart';

-- [people_orders if orders] Orders about participants, one after the other, each with the passage it means and why it cannot be followed.
CREATE OR REPLACE TEMP TABLE people_orders AS
WITH RECURSIVE asked AS (
    SELECT
        o.command_id, o.number, o.command, p.participant_id, p.step_id, p.due_at, p.halted_at,
        w.state AS workflow_state, p.status AS first_status, p.status,
        ROW_NUMBER() OVER (PARTITION BY COALESCE(p.participant_id, o.command_id) ORDER BY o.number) AS turn
    FROM orders AS o
    LEFT JOIN state.open_participants AS p ON p.workflow = o.workflow AND p.record = o.record AND p.left_at IS NULL
    LEFT JOIN live.workflows AS w ON w.workflow = o.workflow AND w.is_current
    WHERE o.record IS NOT NULL AND o.command IN ('pause', 'resume', 'retry', 'remove', 'goal-met')
), judged AS (
    SELECT * FROM asked WHERE turn = 1
    UNION ALL
    SELECT
        a.command_id, a.number, a.command, a.participant_id, a.step_id, a.due_at, a.halted_at,
        a.workflow_state, a.first_status, COALESCE(status_after(j.command, j.status), j.status), a.turn
    FROM judged AS j
    JOIN asked AS a ON a.participant_id = j.participant_id AND a.turn = j.turn + 1
)
SELECT
    command_id, number, command, participant_id, step_id, due_at, halted_at, first_status,
    status_after(command, status) AS new_status,
    CASE
        WHEN workflow_state IS NULL THEN 'unknown_workflow'
        WHEN workflow_state = 'archived' THEN 'workflow_archived'
        WHEN participant_id IS NULL THEN 'not_inside'
        WHEN status_after(command, status) IS NULL THEN 'is_' || status
    END AS refusal
FROM judged;

-- [halting if people_orders] Whoever stops or goes on by the orders taken together.
CREATE OR REPLACE TEMP TABLE halting AS
SELECT participant_id, command, step_id, due_at, halted_at
FROM people_orders
WHERE refusal IS NULL AND command IN ('pause', 'resume', 'retry')
QUALIFY ROW_NUMBER() OVER (PARTITION BY participant_id ORDER BY number DESC) = 1 AND new_status <> first_status;

-- [halt_and_go_on if halting] Whoever is paused keeps the remaining wait; it runs on from the resumption.
UPDATE state.open_participants AS p
SET
    status = CASE h.command WHEN 'pause' THEN 'paused' ELSE 'active' END,
    halted_at = CASE h.command WHEN 'pause' THEN $as_of END,
    halt_reason = CASE h.command WHEN 'pause' THEN 'by_hand' END,
    -- what happened during a pause is no goal
    goals_from = CASE h.command WHEN 'resume' THEN $as_of ELSE p.goals_from END,
    due_at = CASE WHEN h.command <> 'pause' AND p.due_at IS NOT NULL THEN later_by_halt(p.due_at, p.halted_at, $as_of) ELSE p.due_at END
FROM halting AS h
WHERE h.participant_id = p.participant_id;

-- [note_halts if halting] One transition for each.
INSERT INTO state.transitions
SELECT
    h.participant_id, $evaluation_id, 0, $as_of, CASE h.command WHEN 'pause' THEN 'paused' WHEN 'resume' THEN 'resumed' ELSE 'retried' END,
    h.step_id, h.step_id, NULL, p.due_at, 'by_hand'
FROM halting AS h
JOIN state.open_participants AS p ON p.participant_id = h.participant_id;

-- [verdicts if orders] Orders about actions that wait for approval.
CREATE OR REPLACE TEMP TABLE verdicts AS
SELECT
    o.command_id, o.number, o.command, a.action_id,
    CASE
        WHEN w.state IS NULL THEN 'unknown_workflow'
        WHEN w.state = 'archived' THEN 'workflow_archived'
        WHEN a.action_id IS NULL THEN 'nothing_waits'
    END AS refusal
FROM orders AS o
LEFT JOIN live.workflows AS w ON w.workflow = o.workflow AND w.is_current
LEFT JOIN outbox.actions AS a
    ON a.workflow = o.workflow AND a.record = o.record AND a.status = 'awaiting_approval'
    AND (o.step_id IS NULL OR o.step_id = a.step_id)
WHERE o.command IN ('approve', 'reject')
QUALIFY ROW_NUMBER() OVER (PARTITION BY o.command_id, a.action_id ORDER BY o.number) = 1;

-- [approve_and_reject if verdicts] Approved actions are planned anew from now; rejected ones are not sent.
UPDATE outbox.actions AS a
SET
    status = CASE v.command WHEN 'approve' THEN 'planned' ELSE 'dropped' END,
    status_at = $as_of,
    status_reason = CASE v.command WHEN 'approve' THEN 'approved' ELSE 'rejected' END,
    send_after = greatest(a.send_after, $as_of)
FROM (SELECT * FROM verdicts WHERE refusal IS NULL QUALIFY ROW_NUMBER() OVER (PARTITION BY action_id ORDER BY number DESC) = 1) AS v
WHERE v.action_id = a.action_id;

-- [answer_orders if orders] What became of the orders, but for those that wait for the admission.
UPDATE journal.commands AS c
SET taken_at = $as_of, outcome = CASE WHEN r.refusal IS NULL THEN 'done' ELSE 'refused' END, reason = r.refusal
FROM (
    SELECT command_id, MIN(refusal) AS refusal FROM state_orders GROUP BY command_id
    UNION ALL
    SELECT command_id, MIN(refusal) FROM people_orders GROUP BY command_id
    UNION ALL
    SELECT command_id, MIN(refusal) FROM verdicts GROUP BY command_id
) AS r
WHERE r.command_id = c.command_id;

-- [successors if crm.merges] Where the records of open passages went when they were merged, through several merges if need be.
CREATE OR REPLACE TEMP TABLE successors AS
WITH RECURSIVE trail AS (
    SELECT p.participant_id, p.object, m.survivor AS record, 1 AS depth
    FROM state.open_participants AS p
    JOIN crm.merges AS m ON m.object = p.object AND m.loser = p.record
    WHERE p.left_at IS NULL
    UNION ALL
    SELECT t.participant_id, t.object, m.survivor, t.depth + 1
    FROM trail AS t
    JOIN crm.merges AS m ON m.object = t.object AND m.loser = t.record
    WHERE t.depth < 20
)
SELECT t.participant_id, t.object, arg_max(t.record, t.depth) AS survivor
FROM trail AS t
GROUP BY t.participant_id, t.object;

-- [merged if successors] Passages of merged records: one goes on for the survivor, unless the survivor is inside itself.
CREATE OR REPLACE TEMP TABLE merged AS
SELECT
    p.participant_id,
    p.step_id,
    s.survivor,
    q.participant_id IS NULL
        AND ROW_NUMBER() OVER (PARTITION BY p.workflow, p.occasion, s.survivor ORDER BY p.entered_at, p.record) = 1 AS goes_on
FROM successors AS s
JOIN state.open_participants AS p ON p.participant_id = s.participant_id
JOIN records AS r ON r.object = s.object AND r.record = s.survivor
LEFT JOIN state.open_participants AS q
    ON q.workflow = p.workflow AND q.occasion = p.occasion AND q.record = s.survivor AND q.left_at IS NULL;

-- [take_place if merged] The survivor takes the place of the record that is gone.
UPDATE state.open_participants AS p
SET record = m.survivor
FROM merged AS m
WHERE m.participant_id = p.participant_id AND m.goes_on;

-- [note_merges if merged] One transition for each passage that goes on for another record.
INSERT INTO state.transitions
SELECT participant_id, $evaluation_id, 0, $as_of, 'merged', step_id, step_id, NULL, NULL, 'survivor:' || survivor
FROM merged
WHERE goes_on;

-- [redirect_actions if merged] What is planned for it is about the survivor.
UPDATE outbox.actions AS a
SET record = m.survivor
FROM merged AS m
WHERE m.participant_id = a.participant_id AND m.goes_on AND a.status IN ('planned', 'awaiting_approval');

-- [watched_participants if state.open_participants] Passages that are asked about: inside, or left a short while ago.
CREATE OR REPLACE TEMP TABLE watched_participants AS
SELECT participant_id, object, record, entered_at
FROM state.open_participants
WHERE left_at IS NULL OR watched_until >= $as_of;

-- [members if asked_workflows] Which records are inside the workflows that conditions ask about, and which completed them.
CREATE OR REPLACE TEMP TABLE members AS
SELECT workflow, record, BOOL_OR(left_at IS NULL) AS is_inside, BOOL_OR(status = 'completed') AS has_completed
FROM state.participants
WHERE workflow IN (SELECT workflow FROM asked_workflows)
GROUP BY workflow, record;

-- [step_results if asked_steps] What came back of the steps that conditions ask about, until now.
CREATE OR REPLACE TEMP TABLE step_results AS
SELECT
    a.participant_id,
    a.step_id,
    BOOL_OR(r.result = 'completed') AS completed,
    BOOL_OR(r.result = 'delivered') AS delivered,
    BOOL_OR(r.result = 'opened') AS opened,
    BOOL_OR(r.result = 'clicked') AS clicked,
    BOOL_OR(r.result = 'replied') AS replied,
    BOOL_OR(r.result = 'bounced') AS bounced,
    BOOL_OR(r.result = 'dropped') OR BOOL_OR(a.status = 'dropped') AS dropped,
    BOOL_OR(r.result = 'unsubscribed') AS unsubscribed,
    BOOL_OR(a.status = 'awaiting_approval') AS not_actioned,
    BOOL_OR(a.status_reason = 'rejected') AS rejected,
    BOOL_OR(s.needs_approval AND a.status <> 'awaiting_approval' AND a.status_reason IS DISTINCT FROM 'rejected' AND a.status <> 'cancelled') AS approved,
    arg_max(r.value, r.happened_at) FILTER (WHERE r.result = 'outcome') AS outcome
FROM outbox.actions AS a
JOIN asked_steps AS k ON k.step_id = a.step_id
JOIN watched_participants AS p ON p.participant_id = a.participant_id
JOIN live.steps AS s ON s.workflow = a.workflow AND s.version = a.version AND s.step_id = a.step_id
LEFT JOIN inbox.results AS r ON r.action_id = a.action_id AND r.happened_at <= $as_of
GROUP BY a.participant_id, a.step_id;
