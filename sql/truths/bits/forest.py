"""Compiled conditions -> trees of tests, each different part of them once.

A test is what neither AND, OR, NOT nor a leaf's edge divides. Parts are flattened, sorted and folded, so that two
workflows that ask the same in another order share one node; a tree then costs a few operations on words of bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp

from definitions.conditions import DIALECT

Kind = Literal["test", "all", "any", "not", "edge", "constant"]


@dataclass(frozen=True)
class Node:
    """A part of a condition. `parts` are the numbers of its own parts; `text` is a test's SQL or a constant."""

    kind: Kind
    parts: tuple[int, ...] = ()
    text: str = ""

    def line(self) -> str:
        """The node as a reader sees it."""
        return self.text if self.kind in ("test", "constant") else f"{self.kind}({', '.join(map(str, self.parts))})"


@dataclass
class Forest:
    """The nodes of many conditions; a node's parts come before it."""

    nodes: list[Node] = field(default_factory=list[Node])
    tests: dict[int, exp.Expr] = field(default_factory=dict[int, exp.Expr])
    roots: dict[int, int] = field(default_factory=dict[int, int])
    """The node of each condition, by the condition's number."""
    _numbers: dict[Node, int] = field(default_factory=dict[Node, int])

    def plant(self, condition: int, tree: exp.Expr) -> None:
        """Add a condition."""
        self.roots[condition] = self._node(tree)

    def uses(self) -> list[int]:
        """How many nodes and conditions use each node."""
        counts = [0] * len(self.nodes)
        for number in (*(p for node in self.nodes for p in node.parts), *self.roots.values()):
            counts[number] += 1
        return counts

    def text(self) -> str:
        """Every node with its number, and how often it is used."""
        lines = (f"{i:5} {n:4}x {node.line()}" for i, (node, n) in enumerate(zip(self.nodes, self.uses(), strict=True)))
        return "\n".join(lines)

    def _node(self, tree: exp.Expr) -> int:
        match tree:
            case exp.Paren():
                return self._node(tree.this)
            case exp.And() | exp.Or():
                kind: Kind = "all" if isinstance(tree, exp.And) else "any"
                return self._group(kind, [self._node(part) for part in flat(tree, type(tree))])
            case exp.Not():
                return self._not(self._node(tree.this))
            case exp.Coalesce() if [e.sql(dialect=DIALECT) for e in tree.expressions] == ["FALSE"]:
                return self._edge(self._node(tree.this))
            case exp.Boolean():
                return self._add(Node("constant", text=str(bool(tree.this)).upper()))
            case exp.Null():
                return self._add(Node("constant", text="NULL"))
            case _:
                number = self._add(Node("test", text=tree.sql(dialect=DIALECT)))
                self.tests.setdefault(number, tree)
                return number

    def _add(self, node: Node) -> int:
        if node not in self._numbers:
            self._numbers[node] = len(self.nodes)
            self.nodes.append(node)
        return self._numbers[node]

    def _group(self, kind: Kind, parts: list[int]) -> int:
        neutral, final = ("TRUE", "FALSE") if kind == "all" else ("FALSE", "TRUE")
        inner = set[int]()
        for part in parts:
            node = self.nodes[part]
            if node == Node("constant", text=final):
                return part
            if node != Node("constant", text=neutral):
                inner.update(node.parts if node.kind == kind else [part])
        if not inner:
            return self._add(Node("constant", text=neutral))
        return inner.pop() if len(inner) == 1 else self._add(Node(kind, tuple(sorted(inner))))

    def _not(self, part: int) -> int:
        node = self.nodes[part]
        if node.kind == "not":
            return node.parts[0]
        if node.kind == "constant":
            return self._add(Node("constant", text={"TRUE": "FALSE", "FALSE": "TRUE"}.get(node.text, "NULL")))
        return self._add(Node("not", (part,)))

    def _edge(self, part: int) -> int:
        """At a leaf's edge unknown becomes false; what is never unknown stays as it is."""
        if self._is_certain(part):
            return part
        if self.nodes[part].kind == "constant":
            return self._add(Node("constant", text="FALSE"))
        return self._add(Node("edge", (part,)))

    def _is_certain(self, number: int) -> bool:
        node = self.nodes[number]
        match node.kind:
            case "edge":
                return True
            case "constant":
                return node.text != "NULL"
            case "test":
                return isinstance(self.tests[number], exp.Is | exp.NullSafeEQ | exp.NullSafeNEQ)
            case _:
                return all(self._is_certain(part) for part in node.parts)


def flat(tree: exp.Expr, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
    """The operands of a chain of ANDs or ORs, without walking deep chains by recursion."""
    pending = [tree]
    while pending:
        node = pending.pop().unnest()
        if isinstance(node, kind):
            pending += [node.args["expression"], node.this]
        else:
            yield node
