"""What only the record itself can be asked: its history, its memberships and its stages are not known of a related one."""

from __future__ import annotations

from sqlglot import exp

from definitions.check import Check
from definitions.conditions import leaves
from definitions.grammar import Name, Scope, call_of, parts_of, resolve
from definitions.vocabulary import OWN_RECORD


def own_record_call(tree: exp.Expr, object_: str, check: Check, seen: frozenset[str] = frozenset()) -> str | None:
    """The first function in a tree that only the record itself can be asked, also by way of computed fields."""
    for node in tree.walk():
        call = call_of(node)
        if call is not None and call.name in OWN_RECORD:
            return call.name
        if call is not None and call.name == "segment" and call.args and call.args[0].name in check.known.segments:
            name = call.args[0].name
            if name not in seen:
                for leaf in leaves(check.known.segments[name].when):
                    used = own_record_call(leaf.expression.tree, object_, check, seen | {name})
                    if used is not None:
                        return used
        if isinstance(node, exp.Column):
            inner = resolve(parts_of(node), check.catalog, Scope(object_))
            if isinstance(inner, Name) and inner.computed and inner.field not in seen and not inner.hops:
                deeper = check.catalog[inner.object].computed[inner.field].tree
                used = own_record_call(deeper, inner.object, check, seen | {inner.field})
                if used is not None:
                    return used
    return None
