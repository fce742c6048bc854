-- What reports say of the comparison's plan, of segments, and of what a condition saw when somebody entered.

-- The median of those who met it is shorter than the time it takes: days_to_objective_p50 is the figure.
ALTER TABLE report.workflow_overview DROP COLUMN met_days_p50;

-- customers of both arms at which the comparison with the hold-out is planned to decide; null without a hold-out
ALTER TABLE report.workflow_dim ADD COLUMN decision_n INTEGER;

COMMENT ON COLUMN report.objective_by_cohort.segment IS 'all, or what the record was at entry, such as plan: Pro or segment: Retail, by the fields its catalog file names';
COMMENT ON COLUMN report.uplift.n_star IS 'customers in both arms at the planned decision: decide_at of the objective when its comparison began, and from then on';

-- One row is one run: what its entry condition saw, kept by the first report after the entry, never changed.
CREATE TABLE report.entry_evidence (
    run_id VARCHAR PRIMARY KEY,             -- the run
    leaves VARCHAR NOT NULL                 -- the leaves that made the condition true, each with its text and the values it saw, as JSON
);
