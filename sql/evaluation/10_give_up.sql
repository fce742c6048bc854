-- [drop_over_limit] What found no place within all rounds is dropped.
UPDATE outbox.actions AS a
SET status = 'dropped', status_at = $as_of, status_reason = 'sender_limit'
FROM moving AS m
WHERE m.action_id = a.action_id;
