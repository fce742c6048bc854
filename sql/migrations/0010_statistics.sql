-- Statistics in plain SQL, and the report tables that are made of them. Shares are 0 to 1, counts are whole numbers;
-- `lo` and `hi` are the ends of a two-sided 95 % interval. Nothing out of nothing is null.

-- z of a two-sided 95 % interval, as a double: as a decimal it overflows from a hundred million on.
CREATE OR REPLACE MACRO main.zz() AS CAST(1.959963984540054 AS DOUBLE);

-- Wilson with several runs a customer: runs of one customer resemble each other, so n runs tell less than n customers would.
-- x of n runs met, of m customers; over the customers, met_met sums met * met, met_runs met * runs and runs_runs runs * runs.
-- Whole numbers until the last division: a variance of 0 is then exactly 0.
CREATE MACRO main.square_sum(x, n, met_met, met_runs, runs_runs) AS
    CAST(n AS HUGEINT) * n * met_met - 2 * CAST(x AS HUGEINT) * n * met_runs + CAST(x AS HUGEINT) * x * runs_runs;

CREATE MACRO main.effective_n(x, n, m, met_met, met_runs, runs_runs) AS CASE
    WHEN n IS NULL OR n = 0 THEN NULL
    WHEN n = m THEN CAST(n AS DOUBLE)
    WHEN m = 1 OR x = 0 OR x = n OR square_sum(x, n, met_met, met_runs, runs_runs) = 0 THEN CAST(m AS DOUBLE)
    ELSE least(
        CAST(n AS DOUBLE),
        CAST(x AS DOUBLE) * (n - x) * n * n * (m - 1) / m / CAST(square_sum(x, n, met_met, met_runs, runs_runs) AS DOUBLE)
    )
END;

-- Newcombe's interval (method 10) of the difference x1 / n1 - x2 / n2. Good for one look.
CREATE MACRO main.newcombe_lo(x1, n1, x2, n2) AS CASE WHEN n1 > 0 AND n2 > 0 THEN
    x1 / n1 - x2 / n2 - sqrt(pow(x1 / n1 - wilson_lo(x1, n1), 2) + pow(wilson_hi(x2, n2) - x2 / n2, 2)) END;

CREATE MACRO main.newcombe_hi(x1, n1, x2, n2) AS CASE WHEN n1 > 0 AND n2 > 0 THEN
    x1 / n1 - x2 / n2 + sqrt(pow(wilson_hi(x1, n1) - x1 / n1, 2) + pow(x2 / n2 - wilson_lo(x2, n2), 2)) END;

-- The difference that may be looked at after every evaluation: an asymptotic confidence sequence on adjusted counts
-- (one more success and two more trials in each arm). n_star is the number of customers at which it is tightest.
CREATE MACRO main.adjusted_share(x, n) AS (x + 1) / (n + 2);

CREATE MACRO main.adjusted_diff(x1, n1, x2, n2) AS adjusted_share(x1, n1) - adjusted_share(x2, n2);

CREATE MACRO main.adjusted_variance(x1, n1, x2, n2) AS
    adjusted_share(x1, n1) * (1 - adjusted_share(x1, n1)) / (n1 + 2) + adjusted_share(x2, n2) * (1 - adjusted_share(x2, n2)) / (n2 + 2);

CREATE MACRO main.looks_rho2(n_star) AS (-2 * ln(0.05) + ln(-2 * ln(0.05) + 1)) / n_star;

-- Half the width, for one customer's standard deviation: n customers in both arms, nr = n * rho2.
CREATE MACRO main.looks_factor(nr) AS sqrt(2 * (nr + 1) / nr * (ln(nr + 1) / 2 - ln(0.05)));

CREATE MACRO main.looks_half_width(x1, n1, x2, n2, n_star) AS
    sqrt(adjusted_variance(x1, n1, x2, n2)) * looks_factor((n1 + n2 + 4) * looks_rho2(n_star));

CREATE MACRO main.always_lo(x1, n1, x2, n2, n_star) AS CASE WHEN n1 > 0 AND n2 > 0 THEN
    adjusted_diff(x1, n1, x2, n2) - looks_half_width(x1, n1, x2, n2, n_star) END;

CREATE MACRO main.always_hi(x1, n1, x2, n2, n_star) AS CASE WHEN n1 > 0 AND n2 > 0 THEN
    adjusted_diff(x1, n1, x2, n2) + looks_half_width(x1, n1, x2, n2, n_star) END;

CREATE MACRO main.mixture_p(z2, nr) AS least(1.0, sqrt(nr + 1) * exp(-z2 * nr / (2 * (nr + 1))));

CREATE MACRO main.always_p(x1, n1, x2, n2, n_star) AS CASE WHEN n1 > 0 AND n2 > 0 THEN
    mixture_p(
        pow(adjusted_diff(x1, n1, x2, n2), 2) / adjusted_variance(x1, n1, x2, n2),
        (n1 + n2 + 4) * looks_rho2(n_star)
    ) END;

-- Customers in both arms at the planned decision, where nothing else is said.
CREATE MACRO main.decision_customers() AS 400;

-- erfc(x) for x >= 0, by Cody's rational approximations (Math. Comp. 23, 1969): close to the last bit of a double.
CREATE MACRO main.erfc_small(x, y) AS 1 - x
    * ((((1.85777706184603153e-1 * y + 3.16112374387056560e0) * y + 1.13864154151050156e2) * y + 3.77485237685302021e2) * y + 3.20937758913846947e3)
    / ((((y + 2.36012909523441209e1) * y + 2.44024637934444173e2) * y + 1.28261652607737228e3) * y + 2.84423683343917062e3);

CREATE MACRO main.erfc_middle(x) AS exp(-x * x)
    * ((((((((2.15311535474403846e-8 * x + 5.64188496988670089e-1) * x + 8.88314979438837594e0) * x + 6.61191906371416295e1) * x + 2.98635138197400131e2) * x + 8.81952221241769090e2) * x + 1.71204761263407058e3) * x + 2.05107837782607147e3) * x + 1.23033935479799725e3)
    / ((((((((x + 1.57449261107098347e1) * x + 1.17693950891312499e2) * x + 5.37181101862009858e2) * x + 1.62138957456669019e3) * x + 3.29079923573345963e3) * x + 4.36261909014324716e3) * x + 3.43936767414372164e3) * x + 1.23033935480374942e3);

CREATE MACRO main.erfc_tail(x, y) AS exp(-x * x) / x * (
    5.6418958354775628695e-1 - y
    * (((((1.63153871373020978e-2 * y + 3.05326634961232344e-1) * y + 3.60344899949804439e-1) * y + 1.25781726111229246e-1) * y + 1.60837851487422766e-2) * y + 6.58749161529837803e-4)
    / (((((y + 2.56852019228982242e0) * y + 1.87295284992346725e0) * y + 5.27905102951428412e-1) * y + 6.05183413124413191e-2) * y + 2.33520497626869185e-3)
);

-- The lambda keeps the argument from being written out fifty times, which costs more than all sums.
CREATE MACRO main.erfc(x) AS list_transform([CAST(x AS DOUBLE)], lambda v: CASE
    WHEN v <= 0.46875 THEN erfc_small(v, v * v)
    WHEN v <= 4 THEN erfc_middle(v)
    WHEN v <= 26 THEN erfc_tail(v, 1 / (v * v))
    WHEN v > 26 THEN 0.0
END)[1];

-- p of a chi-square with one degree of freedom.
CREATE MACRO main.chi2_p(chi2) AS erfc(sqrt(chi2 / 2));

-- Sample-ratio test: do n1 and n2 customers fit a hold-out (n2) that should have had this share of them.
CREATE MACRO main.ratio_chi2(n1, n2, share) AS CASE WHEN n1 + n2 > 0 AND share > 0 AND share < 1 THEN
    pow(n2 - (n1 + n2) * share, 2) / ((n1 + n2) * share * (1 - share)) END;

CREATE MACRO main.ratio_p(n1, n2, share) AS chi2_p(ratio_chi2(n1, n2, share));

-- P(the first share is the greater), each share with a Beta(1, 1) prior. For analysts: it must not be looked at repeatedly.
CREATE MACRO main.ln_beta(a, b) AS lgamma(a) + lgamma(b) - lgamma(a + b);

CREATE MACRO main.p_greater(a1, b1, a2, b2) AS list_sum(list_transform(
    range(a1),
    lambda i: exp(ln_beta(a2 + i, b1 + b2) - ln(b1 + i) - ln_beta(1 + i, b1) - ln_beta(a2, b2))
));

CREATE MACRO main.p_better(x1, n1, x2, n2) AS CASE WHEN n1 > 0 AND n2 > 0 THEN
    p_greater(CAST(x1 AS BIGINT) + 1, n1 - x1 + 1, x2 + 1, n2 - x2 + 1) END;

-- The 97.5 % quantile of Student's t: exact values up to 40 degrees of freedom, then Fisher's expansion (error under 2e-10).
CREATE MACRO main.t_expansion(z, df) AS z
    + (pow(z, 3) + z) / (4 * df)
    + (5 * pow(z, 5) + 16 * pow(z, 3) + 3 * z) / (96 * pow(df, 2))
    + (3 * pow(z, 7) + 19 * pow(z, 5) + 17 * pow(z, 3) - 15 * z) / (384 * pow(df, 3))
    + (79 * pow(z, 9) + 776 * pow(z, 7) + 1482 * pow(z, 5) - 1920 * pow(z, 3) - 945 * z) / (92160 * pow(df, 4))
    + (27 * pow(z, 11) + 339 * pow(z, 9) + 930 * pow(z, 7) - 1782 * pow(z, 5) - 765 * pow(z, 3) + 17955 * z) / (368640 * pow(df, 5));

CREATE MACRO main.t_quantile(df) AS CASE
    WHEN df BETWEEN 1 AND 40 THEN CAST([
        12.706204736175, 4.302652729749, 3.182446305284, 2.776445105198, 2.570581835636, 2.446911851145, 2.364624251593, 2.306004135204,
        2.262157162798, 2.228138851986, 2.200985160092, 2.178812829667, 2.160368656463, 2.144786687918, 2.131449545560, 2.119905299221,
        2.109815577833, 2.100922040241, 2.093024054408, 2.085963447266, 2.079613844728, 2.073873067904, 2.068657610419, 2.063898561628,
        2.059538552753, 2.055529438643, 2.051830516480, 2.048407141795, 2.045229642133, 2.042272456301, 2.039513446396, 2.036933343460,
        2.034515297449, 2.032244509318, 2.030107928250, 2.028094000980, 2.026192463029, 2.024394163912, 2.022690920037, 2.021075390306
    ] AS DOUBLE[])[df]
    WHEN df > 40 THEN t_expansion(zz(), CAST(df AS DOUBLE))
END;

-- Half the width of the interval of a paired mean difference: sd is the sample standard deviation of n differences.
CREATE MACRO main.paired_half_width(sd, n) AS CASE WHEN n > 1 THEN t_quantile(n - 1) * sd / sqrt(n) END;

-- The verdict in words, in this order: n1 and n2 are the matured customers of the arms, leaked the share of the hold-out
-- that entered anyway, lo and hi the always-valid interval.
CREATE MACRO main.uplift_verdict(srm_p, leaked, n1, n2, lo, hi) AS CASE
    WHEN srm_p < 0.001 OR leaked > 0.02 THEN 'not comparable'
    WHEN least(n1, n2) < 20 THEN 'too few to say'
    WHEN lo > 0 THEN 'better than hold-out'
    WHEN hi < 0 THEN 'worse'
    ELSE 'not clear yet'
END;

-- How many customers more a verdict takes, about: until both arms have 20, or until a difference as it looks now is found
-- in four cases of five (3.035: always-valid at n_star; 0.84: the power). share is the hold-out's. Null where there is none to find.
CREATE MACRO main.customers_for(x1, n1, x2, n2, share) AS pow(3.035 + 0.84, 2) * (
    adjusted_share(x1, n1) * (1 - adjusted_share(x1, n1)) / (1 - share) + adjusted_share(x2, n2) * (1 - adjusted_share(x2, n2)) / share
) / pow(nullif(adjusted_diff(x1, n1, x2, n2), 0), 2);

CREATE MACRO main.customers_more(verdict, x1, n1, x2, n2, share) AS CASE
    WHEN share <= 0 OR share >= 1 THEN NULL
    WHEN verdict = 'too few to say' THEN CAST(ceil(greatest((20 - n1) / (1 - share), (20 - n2) / share)) AS BIGINT)
    WHEN verdict = 'not clear yet' AND customers_for(x1, n1, x2, n2, share) < 1e9
        THEN CAST(greatest(ceil(customers_for(x1, n1, x2, n2, share)) - n1 - n2, 1) AS BIGINT)
END;

-- days from entry to the first of objective, loss and end of observation; null without an objective, and where it was met at entry
ALTER TABLE report.run_fact ADD COLUMN duration_days INTEGER;

-- what came first: 1 the objective, 2 the record was lost, 0 neither up to now or up to matures_at
ALTER TABLE report.run_fact ADD COLUMN end_status INTEGER;

-- when the record left the warehouse, inside the flow or after it
ALTER TABLE report.run_fact ADD COLUMN lost_at TIMESTAMPTZ;

-- One row is one day after entry: who was still without the objective, and how many had met it by then (Aalen-Johansen).
CREATE TABLE report.objective_survival (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- the latest version with this objective
    objective_version VARCHAR NOT NULL,     -- the objective
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    arm VARCHAR NOT NULL,                   -- treatment or holdout
    cohort VARCHAR NOT NULL,                -- all, or a quarter of entry such as 2024-Q1
    day_no INTEGER NOT NULL,                -- days from entry, from 0 to the longest that a run was followed
    at_risk BIGINT NOT NULL,                -- runs followed so far without objective or loss; draw no line where it is under 10
    d_objective BIGINT NOT NULL,            -- of these, met the objective on that day
    d_lost BIGINT NOT NULL,                 -- of these, their record was lost on that day
    censored BIGINT NOT NULL,               -- of these, followed no longer: they entered that many days ago
    s_km DOUBLE NOT NULL,                   -- share without the objective if nobody were lost (Kaplan-Meier; a lost run counts as followed no longer)
    se_km DOUBLE,                           -- its standard error (Greenwood); null once nobody is left
    s_km_lo DOUBLE,                         -- lower end of its 95 % interval (log-log); null at 0 and 1
    s_km_hi DOUBLE,                         -- upper end
    cif DOUBLE NOT NULL,                    -- share that met the objective by that day, lost runs never (Aalen-Johansen)
    se_cif DOUBLE NOT NULL,                 -- its standard error
    cif_lo DOUBLE,                          -- lower end of its 95 % interval (log-log); null at 0 and 1
    cif_hi DOUBLE,                          -- upper end
    cif_lost DOUBLE NOT NULL                -- share lost by that day; s_all = 1 - cif - cif_lost is neither
);

-- One row is one curve of objective_survival in a few figures.
CREATE TABLE report.objective_time (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- the latest version with this objective
    objective_version VARCHAR NOT NULL,     -- the objective
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    arm VARCHAR NOT NULL,                   -- treatment or holdout
    cohort VARCHAR NOT NULL,                -- all, or a quarter of entry such as 2024-Q1
    n_runs BIGINT NOT NULL,                 -- runs not met at entry
    met_count BIGINT NOT NULL,              -- of these, met the objective
    lost_count BIGINT NOT NULL,             -- of these, lost before
    open_count BIGINT NOT NULL,             -- of these, neither
    days_to_objective_p25 INTEGER,          -- first day by which a quarter had met it; null: not reached
    days_to_objective_p50 INTEGER,          -- first day by which half had met it; null: not reached
    days_to_objective_p75 INTEGER,          -- first day by which three quarters had met it; null: not reached
    cif_7 DOUBLE,                           -- share that met it by day 7; null until somebody was followed that long
    cif_14 DOUBLE,                          -- by day 14
    cif_30 DOUBLE,                          -- by day 30
    cif_60 DOUBLE,                          -- by day 60
    cif_90 DOUBLE,                          -- by day 90
    rmst_30 DOUBLE,                         -- mean days without the objective, of the first 30 (Kaplan-Meier); null until somebody was followed that long
    rmst_60 DOUBLE,                         -- of the first 60
    rmst_90 DOUBLE,                         -- of the first 90
    drawn_to_day INTEGER                    -- the last day with 10 runs at risk: a line stops there; null: never 10
);

-- One row is one week of entry and one horizon: who met the objective within so many days.
CREATE TABLE report.objective_by_cohort (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- the latest version with this objective
    objective_version VARCHAR NOT NULL,     -- the objective
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that the report is about
    arm VARCHAR NOT NULL,                   -- treatment or holdout
    entry_week DATE NOT NULL,               -- Monday of the week of entry
    segment VARCHAR NOT NULL,               -- all
    day_no INTEGER NOT NULL,                -- days from entry: 7, 14, 30, 60 and 90 as far as runs are watched, and maturity_days
    n_runs BIGINT NOT NULL,                 -- runs that entered in that week, not met at entry
    n_customers BIGINT NOT NULL,            -- customers behind them
    met_count BIGINT NOT NULL,              -- runs that met it by that day, as far as is known
    complete BOOLEAN NOT NULL,              -- was the whole week followed that long
    met_share DOUBLE,                       -- met_count / n_runs; null until complete
    lo DOUBLE,                              -- lower end of its 95 % interval (Wilson, by customers where they came more than once)
    hi DOUBLE                               -- upper end
);

-- One row is one day's comparison of treatment and hold-out, as it was shown: made by the day's first report, never changed afterwards.
CREATE TABLE report.uplift (
    workflow_id VARCHAR NOT NULL,           -- the workflow
    workflow_version INTEGER NOT NULL,      -- the latest version with this objective
    objective_version VARCHAR NOT NULL,     -- the objective
    as_of TIMESTAMPTZ NOT NULL,             -- time of the data
    evaluation_id BIGINT NOT NULL,          -- the evaluation that it was made for
    date DATE NOT NULL,                     -- the local date
    h_days INTEGER NOT NULL,                -- horizon in days from entry: maturity_days of the first run with a hold-out, for ever. A version watched shorter counts by its own
    n_treat BIGINT NOT NULL,                -- customers in treatment whose horizon has come, by their first run that could have been held out; not met at entry
    x_treat BIGINT NOT NULL,                -- of these, met within the horizon
    n_hold BIGINT NOT NULL,                 -- customers held out, the same way
    x_hold BIGINT NOT NULL,                 -- of these, met within the horizon
    diff_points DOUBLE,                     -- treatment - hold-out, in percentage points, as counted
    av_lo_points DOUBLE,                    -- lower end of the 95 % interval that may be looked at every day (adjusted counts: x + 1 of n + 2)
    av_hi_points DOUBLE,                    -- upper end
    av_p DOUBLE,                            -- its p, valid at every look: for the Benjamini-Hochberg correction over many workflows
    one_look_lo_points DOUBLE,              -- lower end of Newcombe's interval: right only for who looks once
    one_look_hi_points DOUBLE,              -- upper end
    p_better DOUBLE,                        -- chance that treatment is better, Beta(1, 1) priors: for analysts, right only for who looks once
    logrank_chi2 DOUBLE,                    -- log-rank test of the two curves, 1 degree of freedom: for analysts, right only for who looks once
    logrank_p DOUBLE,                       -- its p
    assigned_treat_count BIGINT NOT NULL,   -- customers drawn into treatment so far, matured or not
    assigned_hold_count BIGINT NOT NULL,    -- customers drawn into the hold-out so far
    holdout_share DOUBLE NOT NULL,          -- the share that should have been held out
    srm_p DOUBLE,                           -- p of the sample-ratio test of these; under 0.001 the arms are not comparable
    holdout_leak_count BIGINT NOT NULL,     -- held-out customers that entered anyway before their horizon
    n_star BIGINT NOT NULL,                 -- customers in both arms at the planned decision; stays as in the first row
    verdict VARCHAR NOT NULL,               -- not comparable, too few to say, better than hold-out, worse or not clear yet
    more_needed BIGINT                      -- about so many customers more for a verdict; null with one, and where no difference is seen
);

-- days from entry by which a quarter met the objective, from the curve; null: not reached
ALTER TABLE report.workflow_overview ADD COLUMN days_to_objective_p25 INTEGER;

-- days from entry by which half met the objective, from the curve; null: not reached
ALTER TABLE report.workflow_overview ADD COLUMN days_to_objective_p50 INTEGER;

-- days from entry by which three quarters met the objective, from the curve; null: not reached
ALTER TABLE report.workflow_overview ADD COLUMN days_to_objective_p75 INTEGER;

-- matured runs, as many as they are worth where customers came more than once
ALTER TABLE report.workflow_overview ADD COLUMN n_eff DOUBLE;

-- treatment - hold-out in percentage points, of the latest row in report.uplift; null without a hold-out
ALTER TABLE report.workflow_overview ADD COLUMN uplift_points DOUBLE;

-- lower end of its 95 % interval, which may be looked at every day
ALTER TABLE report.workflow_overview ADD COLUMN uplift_lo_points DOUBLE;

-- upper end
ALTER TABLE report.workflow_overview ADD COLUMN uplift_hi_points DOUBLE;

-- not comparable, too few to say, better than hold-out, worse or not clear yet; null without a hold-out
ALTER TABLE report.workflow_overview ADD COLUMN verdict VARCHAR;

-- about so many customers more for a verdict; null with one, and where no difference is seen
ALTER TABLE report.workflow_overview ADD COLUMN more_needed BIGINT;

COMMENT ON COLUMN report.workflow_overview.met_lo IS 'lower end of its 95 % interval (Wilson, by customers where they came more than once)';
COMMENT ON COLUMN report.workflow_overview.n_treat IS 'customers in treatment compared with the hold-out: see report.uplift; 0 without a hold-out';
COMMENT ON COLUMN report.workflow_overview.n_hold IS 'customers held out that are compared';
