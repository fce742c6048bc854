-- Passages that were over before. On its own: in the transaction that renames a table DuckDB 2.0 deletes none of its rows.

INSERT INTO state.closed_participants
SELECT p.*
FROM state.open_participants AS p, (SELECT MAX(as_of) AS as_of FROM journal.evaluations) AS e
WHERE p.left_at < e.as_of AND p.watched_until < e.as_of;

DELETE FROM state.open_participants WHERE participant_id IN (SELECT participant_id FROM state.closed_participants);
