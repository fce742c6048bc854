"""Dagster: the same functions as the command line's, as assets with lineage, checks and a schedule.

Nothing here decides anything: a workflow is a row in the warehouse, not an asset, and whatever a step does is one call
into a plain function of this room.
"""
