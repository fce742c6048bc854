-- [open_sends] Messages that are planned and not sent; those of this evaluation are new. A zone's names are the engine's own.
CREATE OR REPLACE TEMP TABLE open_sends AS
SELECT
    a.action_id,
    a.kind,
    a.workflow,
    v.recipient_object,
    a.recipient,
    -- what was approved just now gets its time now
    a.evaluation_id = $evaluation_id OR (a.status_at = $as_of AND a.status_reason IS NOT DISTINCT FROM 'approved') AS is_new,
    w.schedule_id,
    COALESCE(w.fallback_zone, current_setting('TimeZone')) AS fallback_zone,
    -- a call is a person's work, and so is what somebody approved: blackouts do not stop it
    CASE WHEN a.kind = 'call' OR a.status_reason IS NOT DISTINCT FROM 'approved' THEN '' ELSE COALESCE(c.calendars, '') END AS calendars
FROM outbox.actions AS a
JOIN live.workflows AS w ON w.workflow = a.workflow AND w.is_current
-- whom it goes to was chosen by the version that planned it
JOIN live.workflows AS v ON v.workflow = a.workflow AND v.version = a.version
LEFT JOIN (
    SELECT workflow, string_agg(calendar, ',' ORDER BY calendar) AS calendars FROM live.workflow_calendars GROUP BY workflow
) AS c ON c.workflow = a.workflow
WHERE a.status = 'planned' AND a.kind IN ('email', 'sms', 'call');
