"""Truths as bits: DuckDB fetches what is asked about, numpy turns each test into one bit a record, trees are bitwise."""
