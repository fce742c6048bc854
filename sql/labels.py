"""What people read instead of keys. Which column that is, only the catalog knows, so the query is built here.

A record that has left the warehouse, and an object whose label is not loaded, have no label: the key stands in for it.
"""

from __future__ import annotations

from sqlglot import exp

from definitions.catalog import Catalog
from definitions.conditions import DIALECT
from sql.names import record_table


def labels_query(catalog: Catalog, object_: str) -> str | None:
    """A query for `record` and `label` of the records in `$records`; None where an object has no label to read.

    >>> from definitions.catalog import CatalogObject
    >>> spec = {"object": "account", "table": "crm.accounts", "key": "id", "label": "name", "fields": {"name": "text"}}
    >>> catalog = Catalog({"account": CatalogObject.model_validate(spec)})
    >>> print(labels_query(catalog, "account").replace(" WHERE", "\\nWHERE"))
    SELECT CAST("id" AS TEXT) AS record, CAST("name" AS TEXT) AS label FROM "crm"."account"
    WHERE CAST("id" AS TEXT) IN (SELECT UNNEST($records))
    """
    if object_ not in catalog:
        return None
    spec = catalog[object_]
    if spec.label is None or spec.label == spec.key or spec.label not in spec.fields:
        return None
    schema, _, table = record_table(object_).partition(".")
    record = _text(spec.key)
    wanted = exp.select(exp.Explode(this=exp.Placeholder(this="records")))
    query = (
        exp.select(record.as_("record"), _text(spec.label).as_("label"))
        .from_(exp.table_(table, db=schema, quoted=True))
        .where(exp.In(this=record.copy(), query=wanted.subquery()))
    )
    return query.sql(dialect=DIALECT)


def _text(column: str) -> exp.Cast:
    return exp.cast(exp.column(column, quoted=True), "text")


def records_query(catalog: Catalog, object_: str) -> str:
    """A query for `record` and `label` of every record of an object; without a label the key stands in for it.

    >>> from definitions.catalog import CatalogObject
    >>> spec = {"object": "account", "table": "crm.accounts", "key": "id", "fields": {"name": "text"}}
    >>> records_query(Catalog({"account": CatalogObject.model_validate(spec)}), "account")
    'SELECT CAST("id" AS TEXT) AS record, CAST("id" AS TEXT) AS label FROM "crm"."account" ORDER BY record'
    """
    spec = catalog[object_]
    label = spec.label if spec.label in spec.fields else None
    schema, _, table = record_table(object_).partition(".")
    query = exp.select(_text(spec.key).as_("record"), _text(label or spec.key).as_("label"))
    return query.from_(exp.table_(table, db=schema, quoted=True)).order_by(exp.column("record")).sql(dialect=DIALECT)
