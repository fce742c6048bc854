-- [remember_first_enabling] Note when a workflow is evaluated enabled for the first time: newcomers are judged against it.
INSERT INTO state.workflows
SELECT w.workflow, $as_of
FROM live.workflows AS w
WHERE w.is_current AND w.state = 'enabled'
    AND NOT EXISTS (SELECT 1 FROM state.workflows AS m WHERE m.workflow = w.workflow);

-- [follow_current_version] Participants follow the version that is live: edits reach those who have not reached the step.
UPDATE state.participants AS p
SET flow_version = w.version
FROM live.workflows AS w
WHERE w.workflow = p.workflow AND w.is_current AND p.left_at IS NULL AND p.flow_version <> w.version;

-- [empty_truths] Room for the conditions that hold: one row for each condition and record.
CREATE OR REPLACE TEMP TABLE truths (condition BIGINT, record VARCHAR);

-- [empty_recipients] Room for the recipients chosen.
CREATE OR REPLACE TEMP TABLE recipients (value BIGINT, record VARCHAR, result VARCHAR);

-- [empty_measures] Room for the objectives' measures.
CREATE OR REPLACE TEMP TABLE measures (value BIGINT, record VARCHAR, result DOUBLE);

-- [empty_found_values] Room for the values that actions carry.
CREATE OR REPLACE TEMP TABLE found_values (value BIGINT, record VARCHAR, result VARCHAR);

-- [watched] Records whose objective is observed: inside, or left a short while ago.
CREATE OR REPLACE TEMP TABLE watched AS
SELECT DISTINCT object, record
FROM state.participants
WHERE left_at IS NULL OR watched_until >= $as_of;
