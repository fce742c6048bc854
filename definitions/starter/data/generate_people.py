"""Generated people for the RavenStack demo: the data set has accounts, but nobody works there.

Reads `ravenstack/accounts.csv` and writes four files beside it: `contacts.csv`, `users.csv`, `accounts_with_owner.csv`
(the accounts, plus whose they are) and `training_bookings.csv` (trainings that accounts book without being asked). Each account is drawn from a generator of its own, so the
files are the same on every machine, and a new account moves no other.
"""

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

Row: TypeAlias = dict[str, str]

SEED = "drumbeat-starter"
YEAR_START = datetime(2024, 1, 1, tzinfo=UTC)
YEAR_END = datetime(2024, 12, 31, 23, 0, tzinfo=UTC)

FIRST_NAMES = """
    Aisha Alex Amara Ana Anders Arjun Beatriz Bruno Camille Chen Chloe Daniel David Deepa Elena Emeka Emma Erik Farah
    Felix Fiona Gabriel Grace Hana Hugo Ines Isaac Jamal Jana Joao Jonas Kavya Keiko Lars Leila Liam Lucia Maja Marcus
    Mei Mila Nadia Noah Olga Omar Priya Rafael Rosa Samuel Sofia Tariq Tomas Uma Victor Wanjiru Yara Yusuf Zoe
"""
LAST_NAMES = """
    Abebe Adeyemi Andersen Bauer Bennett Bianchi Brown Carvalho Chandra Clarke Costa Delgado Dubois Eriksen Fischer
    Garcia Gupta Haddad Hansen Hughes Ito Jansen Johnson Kamau Khan Kim Kovacs Laurent Lee Lindqvist Martin Mehta Mensah
    Moreau Murphy Nakamura Nguyen Novak Okafor Olsen Park Patel Petrov Rahman Reyes Rossi Sato Schmidt Sharma Silva
    Singh Tanaka Torres Walker Weber Wilson Wong Yilmaz Zhang
"""

USERS: tuple[tuple[str, str, str], ...] = (
    ("Hannah Weiss", "enterprise", "true"),
    ("Marcus Reed", "enterprise", "true"),
    ("Priya Nair", "enterprise", "true"),
    ("Diego Alvarez", "growth", "true"),
    ("Grace Owusu", "growth", "true"),
    ("Jonas Berg", "growth", "true"),
    ("Mei Tanaka", "growth", "true"),
    ("Tom Keller", "growth", "false"),  # left the team: owns nothing, and no workflow may pick him
)


def users() -> list[Row]:
    """The customer success managers."""
    return [
        {
            "user_id": f"CSM-{number}",
            "name": name,
            "email": f"{name.lower().replace(' ', '.')}@example.com",
            "team": team,
            "is_active": is_active,
            "generated": "true",
        }
        for number, (name, team, is_active) in enumerate(USERS, start=1)
    ]


def owner_of(account: Row, managers: list[Row]) -> str:
    """Enterprise plans go to the enterprise team; all others to the growth team."""
    team = "enterprise" if account["plan_tier"] == "Enterprise" else "growth"
    eligible = [user["user_id"] for user in managers if user["team"] == team and user["is_active"] == "true"]
    return random.Random(f"{SEED}:owner:{account['account_id']}").choice(eligible)


def ownership(account: Row, managers: list[Row]) -> Row:
    """What the account row lacks: an owner, and the status field that the workflows write (empty: nothing ran yet)."""
    return {"owner_id": owner_of(account, managers), "cs_status": "", "owner_generated": "true"}


def contacts_of(account: Row) -> list[Row]:
    """One to four people; seven accounts in eight have a champion, the others start with an admin."""
    draw = random.Random(f"{SEED}:contacts:{account['account_id']}")
    roles = ["champion" if draw.random() < 0.88 else "admin", *draw.sample(("admin", "billing", "user"), 3)]
    size = draw.choice((1, 2, 2, 3, 3, 4))
    names = zip(draw.sample(FIRST_NAMES.split(), size), draw.sample(LAST_NAMES.split(), size), strict=True)
    return [
        {
            "contact_id": f"P-{account['account_id'].removeprefix('A-')}-{number}",
            "account_id": account["account_id"],
            "first_name": first,
            "last_name": last,
            "email": f"{first}.{last}@{account['account_name'].replace('_', '-')}.example.com".lower(),
            "role": role,
            "last_seen_at": last_seen(account, draw),
            "generated": "true",
        }
        for number, (role, (first, last)) in enumerate(zip(roles, names, strict=False), start=1)
    ]


def last_seen(account: Row, draw: random.Random) -> str:
    """Some time in 2024 after the sign-up; one contact in sixteen never came."""
    signed_up = datetime.fromisoformat(account["signup_date"]).replace(tzinfo=UTC)
    earliest = max(signed_up, YEAR_START)
    seconds = max(int((YEAR_END - earliest).total_seconds()), 1)
    seen = earliest + timedelta(seconds=draw.randrange(seconds))
    return "" if draw.random() < 1 / 16 else seen.strftime("%Y-%m-%dT%H:%M:%SZ")


def bookings_of(account: Row) -> list[Row]:
    """Two accounts in five book a training some day in 2024 after their sign-up, whatever any workflow does."""
    draw = random.Random(f"{SEED}:training:{account['account_id']}")
    earliest = max(datetime.fromisoformat(account["signup_date"]).replace(tzinfo=UTC), YEAR_START)
    booked_on = earliest + timedelta(days=draw.randrange(max((YEAR_END - earliest).days, 1)))
    if draw.random() >= 0.4:
        return []
    key = account["account_id"].removeprefix("A-")
    return [
        {
            "booking_id": f"T-{key}",
            "account_id": account["account_id"],
            "booked_on": f"{booked_on:%Y-%m-%d}",
            "origin": "unprompted",
        }
    ]


def write_rows(path: Path, rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    folder = Path(__file__).parent / "ravenstack"
    with (folder / "accounts.csv").open(encoding="utf-8", newline="") as file:
        accounts: list[Row] = list(csv.DictReader(file))
    managers = users()
    owned = [account | ownership(account, managers) for account in accounts]
    write_rows(folder / "users.csv", managers)
    write_rows(folder / "contacts.csv", [contact for account in accounts for contact in contacts_of(account)])
    write_rows(folder / "accounts_with_owner.csv", owned)
    write_rows(folder / "training_bookings.csv", [booking for account in accounts for booking in bookings_of(account)])


if __name__ == "__main__":
    main()
