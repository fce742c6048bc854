-- What the pages of the report say of a version, so that they ask schema report and nothing else.

-- the version's file as data
ALTER TABLE report.workflow_dim ADD COLUMN definition JSON;

-- everyone or newcomers; null before it is enabled
ALTER TABLE report.workflow_dim ADD COLUMN launch VARCHAR;

-- requalifying, unlimited or never: may a record come back
ALTER TABLE report.workflow_dim ADD COLUMN reentry VARCHAR;

-- the arms that part there, in order; those that nobody took too
ALTER TABLE report.step_dim ADD COLUMN arms JSON;

-- rows from before lack these columns
DELETE FROM report.made_from;
