"""The dashboard: static pages of the report tables, readable from disk, without script and without network; and a mail."""

from pipelines.dashboard.mail import write_mail
from pipelines.dashboard.site import build_dashboard

__all__ = ["build_dashboard", "write_mail"]
