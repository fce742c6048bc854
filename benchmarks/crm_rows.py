"""A generated CRM as Parquet: accounts with their contacts, opportunities, tickets and usage, in two states.

Everything follows from the seed: each column draws from a stream of its own, so adding one changes no other. Keys of
related rows are skewed, as in a real CRM: most accounts have little, a few have a lot.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow

from benchmarks.crm_words import ENUMS

USERS = 200
SKEW = 1.6
_US = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class Size:
    """How many accounts, and how many related rows each of them has on average."""

    accounts: int
    contacts: int = 3
    opportunities: int = 3
    tickets: int = 2
    usage_events: int = 20


@dataclass(frozen=True)
class Draws:
    """Streams of numbers in [0, 1), one for each name."""

    seed: int
    table: str

    def uniform(self, column: str, count: int) -> pl.Series:
        """Even draws."""
        drawn = random.Random(f"{self.seed}|{self.table}|{column}").randbytes(4 * count)
        words = pyarrow.Array.from_buffers(pyarrow.uint32(), count, [None, pyarrow.py_buffer(drawn)])
        return pl.Series(column, pl.from_arrow(words)) / 2**32

    def word(self, column: str, count: int, skew: float = 1.0) -> pl.Series:
        """Words of an enumeration; with a skew above 1 the first ones are more frequent."""
        words = ENUMS[column]
        place = (self.uniform(column, count) ** skew * len(words)).cast(pl.UInt32)
        return pl.Series(column, words).gather(place)

    def whole(self, column: str, count: int, low: float, high: float, skew: float = 1.0) -> pl.Series:
        """Whole numbers in [low, high)."""
        return (self.uniform(column, count) ** skew * (high - low) + low).floor().cast(pl.Int64)

    def amount(self, column: str, count: int, low: float, spread: float) -> pl.Series:
        """Money and sizes: a log-even amount with two decimals."""
        return ((self.uniform(column, count) * spread + low).exp() * 100).round() / 100

    def instant(self, column: str, count: int, now: datetime, days: float, skew: float = 1.0) -> pl.Series:
        """Instants in the last `days` days; with a skew above 1 recent ones are more frequent."""
        ago = (self.uniform(column, count) ** skew * days * 86_400_000_000).cast(pl.Int64)
        return (int(now.timestamp() * 1_000_000) - ago).cast(_US).alias(column)

    def day(self, column: str, count: int, now: datetime, first: int, last: int) -> pl.Series:
        """Dates from `first` to `last` days after today."""
        today = (now.date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days
        return self.whole(column, count, today + first, today + last).cast(pl.Int32).cast(pl.Date)

    def chance(self, column: str, count: int, share: float) -> pl.Series:
        """True for a share of the rows."""
        return (self.uniform(column, count) < share).alias(column)

    def gaps(self, values: pl.Series, share: float) -> pl.Series:
        """The values with a share of them missing."""
        there = self.uniform(f"{values.name} gaps", len(values)) >= share
        return values.zip_with(there, pl.Series(values.name, [None], dtype=values.dtype).new_from_index(0, len(values)))


def key(prefix: str, numbers: pl.Series, name: str) -> pl.Series:
    """Text keys of 18 characters, as CRMs have them."""
    return (prefix + numbers.cast(pl.Utf8).str.zfill(15)).alias(name)


def parents(draws: Draws, count: int, accounts: int) -> pl.Series:
    """Account keys for related rows: skewed, with the large accounts spread over the table."""
    place = draws.whole("account_id", count, 0, accounts, skew=SKEW)
    return key("001", (place * 611_953) % accounts, "account_id")


def write_state(folder: Path, tables: Mapping[str, pl.DataFrame]) -> int:
    """Write one Parquet file a table; returns the number of rows."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        frame.write_parquet(folder / f"{name}.parquet")
    return sum(frame.height for frame in tables.values())


def first_state(seed: int, size: Size, now: datetime) -> dict[str, pl.DataFrame]:
    """All tables as they stand at `now`."""
    return {
        "users": _users(Draws(seed, "users")),
        "accounts": _accounts(Draws(seed, "accounts"), size.accounts, now),
        "contacts": _contacts(Draws(seed, "contacts"), size.accounts * size.contacts, size.accounts, now),
        "opportunities": _opportunities(
            Draws(seed, "opportunities"), size.accounts * size.opportunities, size.accounts, now
        ),
        "tickets": _tickets(Draws(seed, "tickets"), size.accounts * size.tickets, size.accounts, now),
        "usage_events": _usage(Draws(seed, "usage_events"), size.accounts * size.usage_events, size.accounts, now, 90),
    }


def second_state(
    seed: int, size: Size, now: datetime, later: datetime, tables: Mapping[str, pl.DataFrame], share: float = 0.01
) -> dict[str, pl.DataFrame]:
    """The tables at `later`: about `share` of the rows changed or came, and a few accounts are gone."""
    changed = {name: _changed(Draws(seed, f"{name} later"), frame, name, share) for name, frame in tables.items()}
    gone = Draws(seed, "accounts gone").chance("gone", size.accounts, share / 20)
    changed["accounts"] = changed["accounts"].filter(~gone)
    made = first_state(seed + 1, replace(size, accounts=max(int(size.accounts * share), 1)), later)
    for name in ("contacts", "opportunities", "tickets", "usage_events"):
        fresh = _arrived(Draws(seed, f"{name} new"), made[name], size.accounts, now, later)
        changed[name] = pl.concat([changed[name], fresh])
    return changed


_MOVES: dict[str, Sequence[str]] = {
    "accounts": ("health_score", "lifecycle_stage", "plan", "seats_used", "churn_risk"),
    "contacts": ("engagement",),
    "opportunities": ("stage",),
    "tickets": ("status",),
}
"""The columns that change between the states: where a row changes, they are those of another row."""


def _changed(draws: Draws, frame: pl.DataFrame, name: str, share: float) -> pl.DataFrame:
    moved = draws.chance("moved", frame.height, share)
    other = draws.whole("other", frame.height, 0, frame.height)
    return frame.with_columns(
        frame[column].gather(other).zip_with(moved, frame[column]) for column in _MOVES.get(name, ())
    )


def _arrived(draws: Draws, fresh: pl.DataFrame, accounts: int, now: datetime, later: datetime) -> pl.DataFrame:
    """New rows: keys of their own, parents among all accounts, created between the two instants."""
    count = fresh.height
    own, created = fresh.columns[0], "ts" if "ts" in fresh.columns else "created_at"
    renamed = ("9" + fresh[own].str.slice(1)).alias(own)
    days = (later - now) / timedelta(days=1)
    return fresh.with_columns(
        renamed, parents(draws, count, accounts), draws.instant(created, count, later, days).alias(created)
    )


def _users(draws: Draws) -> pl.DataFrame:
    numbers = pl.Series(range(USERS))
    name = ("User " + numbers.cast(pl.Utf8)).alias("name")
    email = ("user" + numbers.cast(pl.Utf8) + "@example.com").alias("email")
    return pl.DataFrame([key("005", numbers, "user_id"), name, email, draws.word("team", USERS)])


def _accounts(draws: Draws, n: int, now: datetime) -> pl.DataFrame:
    numbers = pl.Series(range(n))
    seats = (draws.uniform("seats", n) * 7).exp().floor().cast(pl.Int64).alias("seats") + 1
    used = (seats * draws.uniform("seats_used", n) * 1.2).floor().cast(pl.Int64).alias("seats_used")
    return pl.DataFrame(
        [
            key("001", numbers, "account_id"),
            ("Account " + numbers.cast(pl.Utf8)).alias("account_name"),
            draws.word("industry", n, 1.5),
            draws.word("tier", n, 2.5),
            draws.word("region", n, 1.5),
            draws.word("country", n, 1.5),
            draws.word("plan", n, 1.5),
            draws.word("lifecycle_stage", n),
            draws.word("churn_risk", n, 2.0),
            draws.gaps(draws.word("onboarding_status", n), 0.1),
            key("005", draws.whole("owner_id", n, 0, USERS), "owner_id"),
            draws.whole("health_score", n, 0, 101),
            draws.gaps(draws.whole("nps", n, 0, 11), 0.4),
            draws.amount("arr", n, 6, 7),
            seats,
            used.zip_with(used <= seats, seats),
            draws.gaps(draws.amount("employees", n, 0, 11).floor().cast(pl.Int64), 0.2),
            draws.chance("is_paying", n, 0.6),
            draws.gaps(draws.chance("has_sso", n, 0.2), 0.05),
            draws.gaps(draws.day("renewal_date", n, now, -60, 365), 0.1),
            draws.day("contract_start", n, now, -1500, 0),
            draws.gaps(draws.day("last_qbr_date", n, now, -400, 0), 0.3),
            draws.gaps(draws.instant("last_login_at", n, now, 120, 2.0), 0.05),
            draws.instant("last_activity_at", n, now, 60, 2.0),
            draws.instant("created_at", n, now, 1500),
            pl.Series("cs_phase", [None], dtype=pl.Utf8).new_from_index(0, n),
        ]
    )


def _contacts(draws: Draws, n: int, accounts: int, now: datetime) -> pl.DataFrame:
    numbers = pl.Series(range(n))
    return pl.DataFrame(
        [
            key("003", numbers, "contact_id"),
            parents(draws, n, accounts),
            ("Name " + numbers.cast(pl.Utf8)).alias("name"),
            ("contact" + numbers.cast(pl.Utf8) + "@example.com").alias("email"),
            draws.word("role", n, 0.7),
            draws.word("seniority", n, 2.0),
            draws.chance("email_opt_in", n, 0.5),
            draws.chance("is_active", n, 0.8),
            draws.gaps(draws.whole("engagement", n, 0, 101), 0.1),
            draws.gaps(draws.instant("last_contacted_at", n, now, 365, 1.5), 0.2),
            draws.instant("created_at", n, now, 1000),
        ]
    )


def _opportunities(draws: Draws, n: int, accounts: int, now: datetime) -> pl.DataFrame:
    return pl.DataFrame(
        [
            key("006", pl.Series(range(n)), "opportunity_id"),
            parents(draws, n, accounts),
            draws.word("stage", n, 0.6),
            draws.word("deal_type", n),
            draws.gaps(draws.amount("amount", n, 5, 8), 0.05),
            draws.instant("created_at", n, now, 720),
            draws.day("close_date", n, now, -275, 90),
        ]
    )


def _tickets(draws: Draws, n: int, accounts: int, now: datetime) -> pl.DataFrame:
    return pl.DataFrame(
        [
            key("500", pl.Series(range(n)), "ticket_id"),
            parents(draws, n, accounts),
            draws.word("status", n, 0.6),
            draws.word("priority", n, 1.3),
            draws.gaps(draws.whole("csat", n, 1, 6), 0.7),
            draws.instant("created_at", n, now, 365, 1.3),
        ]
    )


def _usage(draws: Draws, n: int, accounts: int, now: datetime, days: float) -> pl.DataFrame:
    return pl.DataFrame(
        [
            key("700", pl.Series(range(n)), "event_id"),
            parents(draws, n, accounts),
            draws.instant("ts", n, now, days).sort(),
            draws.word("metric", n, 2.0),
            draws.whole("person", n, 0, 3 * accounts),
            draws.whole("quantity", n, 1, 21),
        ]
    )
