"""The dashboard: static pages of the report tables, readable from disk, without script and without network."""

from pipelines.dashboard.site import build_dashboard

__all__ = ["build_dashboard"]
