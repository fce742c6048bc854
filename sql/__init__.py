"""Definitions -> SQL -> rows."""

from sql.compiler import Plan, compile_plan
from sql.statements import Statement
from sql.warehouses.duckdb import DuckDBSession

__all__ = ["DuckDBSession", "Plan", "Statement", "compile_plan"]
