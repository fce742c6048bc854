-- Passages that are over, kept apart from those that evaluations still ask about and change.

ALTER TABLE state.participants RENAME TO open_participants;

CREATE TABLE state.closed_participants AS FROM state.open_participants LIMIT 0;

CREATE VIEW state.participants AS
FROM state.open_participants UNION ALL BY NAME FROM state.closed_participants;

COMMENT ON VIEW state.participants IS 'One row is one passage of one record through one workflow: `state.open_participants` and `state.closed_participants` together.';

COMMENT ON TABLE state.open_participants IS 'The passages that go on, or that are over and still observed; columns as in `state.participants`.';

COMMENT ON TABLE state.closed_participants IS 'The passages that are over and no longer observed: an evaluation puts them here and changes them no more. Columns as in `state.participants`.';
