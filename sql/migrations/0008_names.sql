-- the record that it entered for; another one may have taken its place since
ALTER TABLE state.participants ADD COLUMN first_record VARCHAR;

UPDATE state.participants SET first_record = record;

-- orders of one instant are taken in this order
ALTER TABLE journal.commands ADD COLUMN given_number BIGINT;

CREATE OR REPLACE MACRO main.seal_of_command(command_id, given_at, given_by, command, workflow, record, step_id, given_number) AS md5_number_lower(
    CAST(to_json([command_id, CAST(epoch_us(given_at) AS VARCHAR), given_by, command, workflow, record, step_id, CAST(given_number AS VARCHAR)]) AS VARCHAR)
);
