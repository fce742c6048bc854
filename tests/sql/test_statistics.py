"""The statistics in SQL against the numbers of scipy, statsmodels, lifelines and gbstats, and against plain Python."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sql import DuckDBSession

Row = dict[str, Any]
REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "stats_reference.json").read_text())
SETS: dict[str, Any] = REFERENCE["sets"]
EDGES, NEWCOMBE, HOLDOUT = SETS["A_edge_counts"], SETS["B_newcombe_1998"], SETS["C_holdout_90_10"]
LOOKS, CLUSTERS = SETS["F_weekly_looks"], SETS["G_reentry_clusters"]
COUNTS = ("x1", "n1", "x2", "n2")


@pytest.fixture(scope="module")
def session() -> Iterator[DuckDBSession]:
    with DuckDBSession(threads=1) as made:
        made.migrate()
        yield made


def close(wanted: float, within: float = REFERENCE["meta"]["tolerance"]["default_abs"]) -> Any:
    return pytest.approx(wanted, abs=within, rel=0)


def one(session: DuckDBSession, expression: str, **values: Any) -> Any:
    return session.rows(f"SELECT {expression} AS made", values)[0]["made"]


WILSON = [*EDGES["wilson"], HOLDOUT["wilson_treatment"], HOLDOUT["wilson_holdout"], CLUSTERS["wilson_naive"]]
WILSON += [SETS["E_crm_two_causes"]["matured_30"]["wilson"]]


@pytest.mark.parametrize("case", WILSON, ids=lambda c: f"{c['x']} of {c['n']}")
def test_wilson(session: DuckDBSession, case: Row) -> None:
    for end in ("lo", "hi"):
        assert one(session, f"wilson_{end}($x, $n)", x=case["x"], n=case["n"]) == close(case[end])


DIFFERENCES = [
    *EDGES["newcombe"],
    {**NEWCOMBE, **NEWCOMBE["newcombe"]},
    {**HOLDOUT, **HOLDOUT["newcombe"]},
    *(
        {"x1": x1, "n1": n1, "x2": x2, "n2": n2, **wanted}
        for (_, x1, n1, x2, n2), wanted in zip(LOOKS["looks"], LOOKS["newcombe_each_look"], strict=True)
    ),
]


@pytest.mark.parametrize("case", DIFFERENCES, ids=lambda c: "{x1} of {n1}, {x2} of {n2}".format(**c))
def test_newcombe(session: DuckDBSession, case: Row) -> None:
    counts = {name: case[name] for name in COUNTS}
    for end in ("lo", "hi"):
        assert one(session, f"newcombe_{end}($x1, $n1, $x2, $n2)", **counts) == close(case[end])


ALWAYS = [
    (*look[1:], wanted) for look, wanted in zip(LOOKS["looks"], LOOKS["asymptotic_cs_adjusted_x+1_n+2"], strict=True)
]
ALWAYS += [(*(HOLDOUT[name] for name in COUNTS), HOLDOUT["asymptotic_cs_adjusted_N400"])]


@pytest.mark.parametrize(("x1", "n1", "x2", "n2", "wanted"), ALWAYS)
def test_the_interval_for_every_look(
    session: DuckDBSession, x1: int, n1: int, x2: int, n2: int, wanted: dict[str, float]
) -> None:
    counts = {"x1": x1, "n1": n1, "x2": x2, "n2": n2, "n_star": 400}
    names = "$x1, $n1, $x2, $n2"
    middle = f"(always_lo({names}, $n_star) + always_hi({names}, $n_star)) / 2"
    assert one(session, middle, **counts) == close(wanted["diff"])
    for made, name in (("always_lo", "lo"), ("always_hi", "hi"), ("always_p", "p_always_valid")):
        assert one(session, f"{made}({names}, $n_star)", **counts) == close(wanted[name])


RAW = [
    (counts["x1"], counts["n1"], counts["x2"], counts["n2"], n_star, counts["gbstats"][f"asymptotic_cs_N{n_star}"])
    for counts in (NEWCOMBE, HOLDOUT)
    for n_star in (400, 5000)
]


@pytest.mark.parametrize(("x1", "n1", "x2", "n2", "n_star", "wanted"), RAW)
def test_its_width_and_p_agree_with_gbstats_on_raw_counts(
    session: DuckDBSession, x1: int, n1: int, x2: int, n2: int, n_star: int, wanted: dict[str, float]
) -> None:
    """The product adjusts the counts; the parts that do not are checked with any variance."""
    size = {"n": n1 + n2, "n_star": n_star}
    width = one(session, "$se * looks_factor($n * looks_rho2($n_star))", se=wanted["se"], **size)
    assert wanted["diff"] - width == close(wanted["lo"])
    assert math.sqrt(one(session, "looks_rho2($n_star)", n_star=n_star)) == close(wanted["rho"])
    z2 = (wanted["diff"] / wanted["se"]) ** 2
    assert one(session, "mixture_p($z2, $n * looks_rho2($n_star))", z2=z2, **size) == close(wanted["p_always_valid"])


@pytest.mark.parametrize("case", HOLDOUT["srm"], ids=lambda c: str(c["observed"]))
def test_sample_ratio(session: DuckDBSession, case: Row) -> None:
    counts = {"n1": case["observed"][0], "n2": case["observed"][1], "share": case["weights"][1]}
    assert one(session, "ratio_chi2($n1, $n2, $share)", **counts) == close(case["chi2"])
    assert one(session, "ratio_p($n1, $n2, $share)", **counts) == close(case["p"])
    assert one(session, "ratio_p($n1, $n2, $share)", **counts) == pytest.approx(case["p"], rel=1e-9)


def test_erfc_agrees_with_plain_python(session: DuckDBSession) -> None:
    grid = session.rows("SELECT i / 1000 AS x, erfc(i / 1000) AS made FROM range(0, 26001) AS t(i)")
    assert len(grid) == 26001
    for row in grid:
        assert row["made"] == pytest.approx(math.erfc(row["x"]), rel=1e-12, abs=0), row
    assert one(session, "erfc(40)") == 0


@pytest.mark.parametrize("case", [NEWCOMBE, HOLDOUT], ids=["B", "C"])
def test_the_chance_to_be_better(session: DuckDBSession, case: Row) -> None:
    counts = {name: case[name] for name in COUNTS}
    made = one(session, "p_better($x1, $n1, $x2, $n2)", **counts)
    wanted = case["bayes_beta_1_1"]["prob_treatment_better"]
    assert made == close(wanted, REFERENCE["meta"]["tolerance"]["bayes_abs"])
    swapped = one(session, "p_better($x2, $n2, $x1, $n1)", **counts)
    assert made + swapped == close(1)


CUSTOMER_SUMS = """
    SELECT SUM(met) AS x, SUM(runs) AS n, COUNT(*) AS m, SUM(met * met) AS met_met, SUM(met * runs) AS met_runs, SUM(runs * runs) AS runs_runs
    FROM (SELECT customer_id, SUM(met) AS met, COUNT(*) AS runs FROM clusters GROUP BY customer_id)
"""


def clustered(session: DuckDBSession, rows: list[tuple[int, int]]) -> Row:
    """What the macros make of runs, each the customer's number and 1 if it met."""
    session.load_rows("clusters", [{"customer_id": customer, "met": met} for customer, met in rows])
    return session.rows(
        f"""
        SELECT *, wilson_lo(x / n * n_eff, n_eff) AS lo, wilson_hi(x / n * n_eff, n_eff) AS hi
        FROM (SELECT *, effective_n(x, n, m, met_met, met_runs, runs_runs) AS n_eff FROM ({CUSTOMER_SUMS}))
        """
    )[0]


def test_several_runs_a_customer_widen_the_interval(session: DuckDBSession) -> None:
    made = clustered(session, CLUSTERS["rows"])
    assert (made["n"], made["m"]) == (CLUSTERS["n_runs"], CLUSTERS["n_customers"])
    assert made["n_eff"] == close(CLUSTERS["n_eff"])
    assert (made["lo"], made["hi"]) == (close(CLUSTERS["wilson_n_eff"]["lo"]), close(CLUSTERS["wilson_n_eff"]["hi"]))


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([(1, 1), (1, 0), (1, 1)], 1),  # one customer
        ([(1, 1), (1, 1), (2, 1)], 2),  # all met
        ([(1, 0), (1, 0), (2, 0)], 2),  # none met
        ([(1, 1), (1, 0), (2, 1), (2, 0), (3, 0), (3, 1)], 3),  # all customers alike
        ([(1, 1), (2, 0), (3, 0)], 3),  # no customer twice: the plain interval
    ],
)
def test_without_a_variance_between_customers_each_counts_once(
    session: DuckDBSession, rows: list[tuple[int, int]], wanted: int
) -> None:
    assert clustered(session, rows)["n_eff"] == wanted


def test_great_numbers_do_not_overflow(session: DuckDBSession) -> None:
    many = 3_000_000_000
    assert one(session, "wilson_lo($x, $n)", x=many // 2, n=many) == close(0.5, 1e-4)
    assert one(session, "effective_n(6, $n, 3, 12, $n, $n)", n=10_000_000) > 0


def test_nothing_out_of_nothing_is_null(session: DuckDBSession) -> None:
    for expression in (
        "wilson_lo(0, 0)",
        "wilson_hi(0, 0)",
        "newcombe_lo(0, 0, 1, 2)",
        "newcombe_hi(1, 2, 0, 0)",
        "always_lo(0, 0, 1, 2, 400)",
        "always_hi(1, 2, 0, 0, 400)",
        "always_p(0, 0, 0, 0, 400)",
        "p_better(0, 0, 1, 2)",
        "ratio_p(0, 0, 0.1)",
        "ratio_p(5, 5, 0.0)",
        "effective_n(0, 0, 0, 0, 0, 0)",
        "effective_n(NULL, NULL, NULL, NULL, NULL, NULL)",
        "paired_half_width(2.0, 1)",
    ):
        assert one(session, expression) is None, expression


def student(t: float, df: int) -> float:
    """Student's distribution function for whole degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(df))
    cosine, total = math.cos(angle) ** 2, 0.0
    term = math.cos(angle) if df % 2 else 1.0
    for k in range(1 if df % 2 else 0, df - 1, 2):
        total += term
        term *= cosine * (k + 1) / (k + 2)
    if df % 2:
        return 0.5 + (angle + math.sin(angle) * total) / math.pi
    return 0.5 + math.sin(angle) * total / 2


@pytest.mark.parametrize("df", [*range(1, 61), 100, 399, 1000, 20000])
def test_the_quantile_of_t(session: DuckDBSession, df: int) -> None:
    made = one(session, "t_quantile($df)", df=df)
    assert student(made, df) == close(0.975, 1e-10)


VERDICTS = [
    ((0.0009, 0.0, 500, 100, 0.1, 0.2), "not comparable"),
    ((0.5, 0.021, 500, 100, 0.1, 0.2), "not comparable"),
    ((0.0009, 0.0, 500, 19, 0.1, 0.2), "not comparable"),
    ((0.5, 0.02, 500, 19, 0.1, 0.2), "too few to say"),
    ((None, 0.0, 0, 0, None, None), "too few to say"),
    ((0.5, 0.0, 500, 20, 0.001, 0.2), "better than hold-out"),
    ((0.5, 0.0, 500, 20, -0.2, -0.001), "worse"),
    ((0.5, 0.0, 500, 20, 0.0, 0.2), "not clear yet"),
]


@pytest.mark.parametrize(("given", "wanted"), VERDICTS)
def test_the_verdict_is_the_first_that_holds(session: DuckDBSession, given: tuple[Any, ...], wanted: str) -> None:
    values = dict(zip(("p", "leaked", "n1", "n2", "lo", "hi"), given, strict=True))
    assert one(session, "uplift_verdict($p, $leaked, $n1, $n2, $lo, $hi)", **values) == wanted


def test_how_many_more_customers_a_verdict_takes(session: DuckDBSession) -> None:
    assert one(session, "customers_more('too few to say', 5, 60, 1, 15, 0.2)") == 25
    counts = {"x1": 152, "n1": 371, "x2": 11, "n2": 41}
    p1, p2 = 153 / 373, 12 / 43
    wanted = math.ceil(3.875**2 * (p1 * (1 - p1) / 0.9 + p2 * (1 - p2) / 0.1) / (p1 - p2) ** 2) - 412
    made = "customers_more($verdict, $x1, $n1, $x2, $n2, 0.1)"
    assert one(session, made, verdict="not clear yet", **counts) == wanted
    assert one(session, made, verdict="worse", **counts) is None
    assert one(session, "customers_more('not clear yet', 10, 40, 10, 40, 0.5)") is None  # no difference is never found


@st.composite
def counts(draw: st.DrawFn, largest: int = 5000) -> tuple[int, int]:
    n = draw(st.integers(1, largest))
    return draw(st.integers(0, n)), n


@settings(max_examples=40, deadline=None)
@given(one_arm=counts(), other_arm=counts(), n_star=st.integers(20, 10000))
def test_intervals_hold_what_they_are_about(
    session: DuckDBSession, one_arm: tuple[int, int], other_arm: tuple[int, int], n_star: int
) -> None:
    (x1, n1), (x2, n2) = one_arm, other_arm
    given = {"x1": x1, "n1": n1, "x2": x2, "n2": n2, "n_star": n_star}
    made = session.rows(
        """
        SELECT wilson_lo(x1, n1) AS lo, wilson_hi(x1, n1) AS hi,
            newcombe_lo(x1, n1, x2, n2) AS once_lo, newcombe_hi(x1, n1, x2, n2) AS once_hi,
            always_lo(x1, n1, x2, n2, n_star) AS always_lo, always_hi(x1, n1, x2, n2, n_star) AS always_hi,
            always_p(x1, n1, x2, n2, n_star) AS p, p_better(x1, n1, x2, n2) AS better
        FROM (SELECT $x1 AS x1, $n1 AS n1, $x2 AS x2, $n2 AS n2, $n_star AS n_star)
        """,
        given,
    )[0]
    p = x1 / n1
    assert 0 <= made["lo"] <= p + 1e-12 and p - 1e-12 <= made["hi"] <= 1
    assert -1 - 1e-12 <= made["once_lo"] <= p - x2 / n2 + 1e-12 <= made["once_hi"] + 2e-12 <= 1 + 4e-12
    assert made["always_lo"] < (x1 + 1) / (n1 + 2) - (x2 + 1) / (n2 + 2) < made["always_hi"]
    assert 0 < made["p"] <= 1 or made["p"] == 0
    # the interval leaves out 0 just when p is under one in twenty
    if abs(made["p"] - 0.05) > 1e-9:
        assert (made["p"] < 0.05) == (made["always_lo"] > 0 or made["always_hi"] < 0)
    assert -1e-9 <= made["better"] <= 1 + 1e-9


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 1)), min_size=1, max_size=40), st.randoms())
def test_clusters_never_tell_more_than_their_runs(
    session: DuckDBSession, rows: list[tuple[int, int]], chance: Any
) -> None:
    made = clustered(session, rows)
    assert 0 < made["n_eff"] <= made["n"]
    assert 0 <= made["lo"] <= made["hi"] <= 1
    chance.shuffle(rows)
    assert clustered(session, rows) == made
