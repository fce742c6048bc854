"""Objects of random worlds: their fields, how they hang together, and the values that stand on the edges of conditions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

Spec = dict[str, Any]

FIELDS: dict[str, dict[str, str]] = {
    "account": {
        "health": "text",
        "plan": "text",
        "seats": "integer",
        "arr": "number",
        "active": "boolean",
        "labels": "list",
        "signed_on": "date",
        "event_on": "date",
        "seen_at": "timestamp",
    },
    "contact": {"role": "text", "score": "integer", "seen_at": "timestamp"},
    "user": {"team": "text", "away": "boolean", "quota": "integer"},
    "ticket": {"priority": "text", "hours": "number", "opened_on": "date", "urgent": "boolean"},
    "mail": {"direction": "text", "sent_at": "timestamp", "disposition": "text"},
}
"""What conditions ask about, by object; roles and keys of other objects come beside it."""

TEXTS: dict[str, tuple[str, ...]] = {
    "health": ("good", "at_risk", "poor"),
    "plan": ("Basic", "Pro", "pro", "Gone"),
    "role": ("champion", "user"),
    "team": ("cs", "sales"),
    "priority": ("urgent", "low"),
    "direction": ("in", "out"),
    "disposition": ("won", "lost"),
    "labels": ("vip", "eu"),
}
NUMBERS: dict[str, tuple[str, ...]] = {
    "seats": ("0", "1", "5", "79", "80", "95"),
    "arr": ("-1", "0", "79", "79.5", "80", "95.25"),
    "score": ("0", "1", "80"),
    "quota": ("0", "1", "2"),
    "hours": ("0", "1", "1.5", "8"),
}
"""The same values stand in rows and in conditions: whatever is off by one is seen."""

DAYS = (-366, -365, -90, -31, -30, -29, -14, -8, -7, -1, 0, 1, 2, 7, 14, 30, 31)
MINUTES = (-43200, -1440, -61, -60, -59, -1, 0, 1, 30, 60, 1440, 2880)
ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Kathmandu")
PHONES = ("+12125550100", "+12135550100", "+18002345678", "+442079460000", "+77012345678", "12", "+4930123456")
NOT_VALUES: dict[str, tuple[str, ...]] = {
    "integer": ("nan", "80.5", "many", "1e30", "80.0"),
    "number": ("NaN", "inf", "-Infinity", "1/0", "8e1"),
    "boolean": ("maybe", "-"),
    "date": ("2026-02-30", "soon", "0000-00-00", "infinity"),
    "timestamp": ("2026-02-30 10:00", "soon", "infinity", "2026-03-29 02:30"),
    "list": ("vip", "[1", "[]"),
}
KEYS = {"account": "a", "contact": "c", "user": "u", "ticket": "t", "mail": "m"}
LINKS: dict[str, dict[str, str]] = {
    "account": {"owner_id": "user", "main_id": "contact"},
    "contact": {"account_id": "account"},
    "ticket": {"account_id": "account"},
    "mail": {"contact_id": "contact"},
}
"""Fields that hold the key of another object's record."""

SIZES = {"account": 8, "contact": 5, "user": 3, "ticket": 8, "mail": 4}


@dataclass(frozen=True)
class Objects:
    """The objects of one world and what its catalog says of them."""

    names: tuple[str, ...]
    own: dict[str, dict[str, str]]
    has_updated_at: bool
    has_deleted_at: bool
    merges: bool
    sends_as: bool
    born: dict[str, str]
    """Objects whose records are not there before a date of theirs, and that field."""
    known: dict[str, dict[str, str]]
    """Fields that are not known before a date of the record, and that date's field, by object."""

    def fields(self, object_: str) -> dict[str, str]:
        """The object's fields that conditions ask about, with types."""
        return self.own[object_]

    def has(self, name: str) -> bool:
        """Is the object in this world."""
        return name in self.names

    def links(self, object_: str) -> dict[str, str]:
        """The object's fields that hold keys of objects that are there."""
        return {field: target for field, target in LINKS.get(object_, {}).items() if target in self.names}

    def ones(self, object_: str) -> dict[str, str]:
        """Many-to-one relations."""
        words = {"owner_id": "owner", "main_id": "main", "account_id": "account", "contact_id": "contact"}
        return {words[field]: target for field, target in self.links(object_).items()}

    def manies(self, object_: str) -> dict[str, str]:
        """One-to-many relations."""
        if object_ == "account":
            found = {f"{name}s": name for name in ("contact", "ticket") if name in self.names}
            return found | ({"letters": "mail"} if "mail" in self.names else {})
        return {"mails": "mail"} if object_ == "contact" and "mail" in self.names else {}


def draw_objects(rng: Random) -> Objects:
    """Two to four objects, always with accounts."""
    others = rng.sample(["contact", "contact", "user", "ticket", "mail"], k=rng.choice([1, 2, 2, 3]))
    names = {"account", *others} | {"contact" for other in others if other == "mail"}
    chance = rng.random
    own = {name: dict(FIELDS[name]) for name in FIELDS if name in names}
    own["account"] = _some_fields(rng)
    return Objects(
        tuple(n for n in FIELDS if n in names),
        own,
        chance() < 0.4,
        chance() < 0.3,
        chance() < 0.5,
        chance() < 0.4,
        born={
            o: f
            for o, f in (("account", "signed_on"), ("ticket", "opened_on"))
            if chance() < 0.15 and f in own.get(o, {})
        },
        known={o: k for o in ("account", "ticket") if o in own and chance() < 0.25 and (k := _known(rng, own[o]))},
    )


def _known(rng: Random, fields: dict[str, str]) -> dict[str, str]:
    """One field that is not known before the day in another."""
    days = [name for name, type_ in fields.items() if type_ == "date"]
    return {rng.choice(sorted(fields)): rng.choice(days)} if days else {}


def _some_fields(rng: Random) -> dict[str, str]:
    """A few of the account's fields: what is edited is then what is asked about, far more often than not."""
    chosen = {
        rng.choice(["seats", "arr"]),
        rng.choice(["health", "plan"]),
        *rng.sample(list(FIELDS["account"]), rng.choice([1, 2, 3, 3])),
    }
    return {name: type_ for name, type_ in FIELDS["account"].items() if name in chosen}


def catalog_of(objects: Objects, computed: dict[str, str]) -> dict[str, Spec]:
    """The catalog as the files say it."""
    catalog: dict[str, Spec] = {}
    for name in objects.names:
        fields: Spec = dict(objects.fields(name)) | dict.fromkeys(LINKS.get(name, {}), "text")
        for field, day in objects.known.get(name, {}).items():
            before = {"before": "false"} if fields[field] == "boolean" else {}
            fields[field] = {"type": fields[field], "known_from": day} | before
        relations = {r: {"object": t, "key": _key_field(objects, name, t)} for r, t in objects.ones(name).items()}
        relations |= {r: {"object": t, "on": f"{name}_id"} for r, t in objects.manies(name).items() if r != "letters"}
        if "letters" in objects.manies(name):
            relations["letters"] = {"through": "contacts.mails"}
        catalog[name] = {"fields": fields, "relations": relations} if relations else {"fields": fields}
    for name, day in objects.born.items():
        catalog[name]["exists_from"] = day
    _roles(objects, catalog)
    if computed:
        catalog["account"]["computed"] = dict(computed)
    return catalog


def _key_field(objects: Objects, name: str, target: str) -> str:
    return next(field for field, found in objects.links(name).items() if found == target)


def _roles(objects: Objects, catalog: dict[str, Spec]) -> None:
    account = catalog["account"]
    for wanted, role, field, kind in (
        (objects.has_updated_at, "updated_at", "touched_at", "timestamp"),
        (objects.has_deleted_at, "deleted_at", "gone_on", "date"),
        (objects.merges, "merged_into", "master", "text"),
    ):
        if wanted:
            account[role] = field
            account["fields"][field] = kind
    if "contact" in catalog:
        catalog["contact"]["fields"] |= {"zone": "text", "phone": "text", "left": "boolean"}
        catalog["contact"] |= {"timezone": "zone", "phones": ["phone"], "unsubscribed": "left"}
    if "user" in catalog and objects.sends_as:
        catalog["user"]["fields"]["allows"] = "boolean"
        catalog["user"]["send_as"] = "allows"
    if "mail" in catalog:
        catalog["mail"]["activities"] = {
            "incoming_email": {"at": "sent_at", "of": "contact", "where": "direction = 'in'"},
            "outcome": {"at": "sent_at", "of": "contact", "outcome": "disposition"},
        }


def draw_value(rng: Random, field: str, type_: str, now: datetime, *, faults: bool) -> str | None:
    """A value of a field as the source would deliver it: often on an edge, sometimes missing or not of its type."""
    if rng.random() < 0.12:
        return None
    if faults and type_ in NOT_VALUES and rng.random() < 0.14:
        return rng.choice(NOT_VALUES[type_])
    match type_:
        case "integer" | "number":
            return rng.choice(NUMBERS[field])
        case "boolean":
            return rng.choice(["true", "true", "false"])
        case "list":
            return rng.choice(['["vip"]', '["vip", "eu"]', '["eu"]', "[]"])
        case "date":
            return (now.date() + timedelta(days=rng.choice(DAYS))).isoformat()
        case "timestamp":
            return (now + timedelta(minutes=rng.choice(MINUTES))).replace(tzinfo=None).isoformat(sep=" ")
        case _:
            return _text(rng, field)


def _text(rng: Random, field: str) -> str:
    match field:
        case "zone":
            return rng.choice([*ZONES, "IST", "Mars/Olympus"])
        case "phone":
            return rng.choice(PHONES)
        case _:
            return "" if rng.random() < 0.04 else rng.choice(TEXTS[field])
