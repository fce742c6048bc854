"""Measurements on generated data. Nothing here is part of the product, and no test waits for a time."""
