"""The assets' names, spelled once. Tables and files keep the names they have in the warehouse and under `out/`."""

from __future__ import annotations

import dagster as dg

FOLDER = dg.AssetKey(["definitions", "folder"])
APPLIED = dg.AssetKey(["definitions", "applied"])
EVALUATION = dg.AssetKey(["evaluation"])
PLANNED = dg.AssetKey(["outbox", "planned"])
ACTIONS = dg.AssetKey(["outbox", "actions"])
TABLES = dg.AssetKey(["report", "tables"])
DASHBOARD = dg.AssetKey(["dashboard"])

SANITY = "sanity"
GATE = "invariants_hold"
"""The check that stands between what is planned and what is delivered."""


def object_key(name: str) -> dg.AssetKey:
    """The asset of a CRM object.

    >>> object_key("account").to_user_string()
    'crm/account'
    """
    return dg.AssetKey(["crm", name])
