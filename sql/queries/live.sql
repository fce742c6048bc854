-- [live_project] The definitions that are live.
SELECT project_id, fingerprint, name, timezone, seed, files, applied_at, applied_by
FROM live.projects
ORDER BY project_id DESC
LIMIT 1;

-- [live_workflows] The current version of every workflow.
SELECT
    workflow, version, state, wanted_state, launch, object, recipient_object,
    logic_fingerprint, text_fingerprint, structure_fingerprint
FROM live.workflows
WHERE is_current
ORDER BY workflow;

-- [last_versions] The last version number of every workflow there ever was.
SELECT workflow, MAX(version) AS version FROM live.workflows GROUP BY workflow;

-- [scheduled_workflows] Workflows that admit records only at certain times.
SELECT workflow, entry_cron FROM live.workflows WHERE is_current AND entry_cron IS NOT NULL ORDER BY workflow;

-- [retired_versions] Older versions whose participants are still inside or watched.
SELECT DISTINCT w.workflow, w.version, w.definition
FROM live.workflows AS w
JOIN state.open_participants AS p ON p.workflow = w.workflow AND w.version IN (p.version, p.flow_version)
WHERE NOT w.is_current AND (p.left_at IS NULL OR p.watched_until >= $as_of)
ORDER BY w.workflow, w.version;

-- [older_versions] Older versions that participants are still in, or observed by, as they were written, and their contents.
SELECT
    w.*,
    ARRAY(
        SELECT s.content_id FROM live.steps AS s
        WHERE s.workflow = w.workflow AND s.version = w.version AND s.content_id IS NOT NULL ORDER BY s.position
    ) AS contents
FROM live.workflows AS w
WHERE NOT w.is_current AND (w.workflow, w.version) IN (SELECT (workflow, UNNEST([version, flow_version])) FROM state.open_participants)
ORDER BY w.workflow, w.version;

-- [versions_in_use] Every version that somebody inside follows, or by which somebody is observed.
SELECT
    w.workflow, w.version, w.definition, w.text_fingerprint,
    BOOL_OR(p.left_at IS NULL AND w.version = p.flow_version) AS is_followed,
    BOOL_OR(w.version = p.version) AS is_observed
FROM live.workflows AS w
JOIN state.open_participants AS p ON p.workflow = w.workflow AND w.version IN (p.version, p.flow_version)
WHERE p.left_at IS NULL OR p.watched_until >= $as_of
GROUP BY ALL
ORDER BY w.workflow, w.version;

-- [observe_by] By which numbers those are observed who entered by a version; by none where its objective cannot be asked any more.
UPDATE live.workflows SET objective_condition = $objective, measure_value = $measure WHERE workflow = $workflow AND version = $version;

-- [retire_workflow] A workflow's versions stop being current.
UPDATE live.workflows SET is_current = FALSE WHERE workflow = $workflow AND is_current;

-- [forget_hop_guards] Make room for a version to be written again: its hops' guards.
DELETE FROM live.hop_guards WHERE hop_id IN (SELECT hop_id FROM live.hops WHERE workflow = $workflow AND version = $version);

-- [forget_hop_path] Its hops' paths.
DELETE FROM live.hop_path WHERE hop_id IN (SELECT hop_id FROM live.hops WHERE workflow = $workflow AND version = $version);

-- [forget_hops] Its hops.
DELETE FROM live.hops WHERE workflow = $workflow AND version = $version;

-- [forget_goals] Its goals.
DELETE FROM live.goals WHERE workflow = $workflow AND version = $version;

-- [forget_entry_values] The values that its conditions read from the entry.
DELETE FROM live.entry_values WHERE workflow = $workflow AND version = $version;

-- [forget_assign_rules] Its rules of assignment.
DELETE FROM live.assign_rules WHERE workflow = $workflow AND version = $version;

-- [forget_step_moves] Its moves.
DELETE FROM live.step_moves WHERE workflow = $workflow AND version = $version;

-- [forget_steps] Its steps.
DELETE FROM live.steps WHERE workflow = $workflow AND version = $version;

-- [forget_workflow] Itself.
DELETE FROM live.workflows WHERE workflow = $workflow AND version = $version;

-- [followed_structures] The shapes of flow that participants inside still follow, and where they rest.
SELECT w.workflow, w.structure_fingerprint, list(DISTINCT p.step_id) AS steps
FROM state.open_participants AS p
JOIN live.workflows AS w ON w.workflow = p.workflow AND w.version = p.flow_version
WHERE p.left_at IS NULL
GROUP BY w.workflow, w.structure_fingerprint;

-- [known_contents] Contents that are stored already.
SELECT content_id FROM live.contents;

-- [enabled_before] Workflows that were evaluated enabled at least once.
SELECT workflow FROM state.workflows;

-- [forget_windows] Windows are those of the last apply.
DELETE FROM live.windows;

-- [forget_blackouts] Blackouts too.
DELETE FROM live.blackouts;

-- [forget_workflow_calendars] And which calendars count for which workflow.
DELETE FROM live.workflow_calendars;

-- [chain_project] What was applied, chained to the apply before.
UPDATE live.projects
SET chain_hash = chain_of_project(
    (SELECT p.chain_hash FROM live.projects AS p WHERE p.project_id = $project_id - 1), project_id, files, applied_at, applied_by
)
WHERE project_id = $project_id;
