"""The words of the generated CRM: what its text columns can hold. Rows, catalog and conditions all read them here."""

from __future__ import annotations

ENUMS: dict[str, tuple[str, ...]] = {
    "industry": (
        *("SaaS", "FinTech", "Retail", "Health", "Education", "Media", "Government", "Energy", "Telco", "Travel"),
        *(
            "Automotive",
            "Food",
            "Legal",
            "Gaming",
            "Biotech",
            "Real Estate",
            "Logistics",
            "Insurance",
            "NGO",
            "Farming",
        ),
    ),
    "tier": ("SMB", "Mid", "Enterprise", "Strategic"),
    "region": ("NA", "EMEA", "APAC", "LATAM", "MEA", "ANZ"),
    "country": tuple(f"C{number:02}" for number in range(40)),
    "plan": ("free", "starter", "pro", "business", "enterprise"),
    "lifecycle_stage": ("lead", "trial", "onboarding", "active", "expansion", "at_risk", "churned"),
    "churn_risk": ("low", "medium", "high"),
    "onboarding_status": ("not_started", "in_progress", "done", "stalled"),
    "team": ("enterprise", "growth", "digital"),
    "role": ("champion", "decision_maker", "user", "admin", "billing", "executive", "detractor", "influencer"),
    "seniority": ("IC", "Manager", "Director", "VP", "C-Level"),
    "stage": ("prospecting", "qualification", "proposal", "negotiation", "contract", "won", "lost"),
    "deal_type": ("new", "renewal", "upsell", "cross_sell"),
    "status": ("open", "pending", "solved", "closed"),
    "priority": ("low", "normal", "high", "urgent"),
    "metric": ("login", "report_run", "api_call", "export", "invite", "dashboard_view", "sync", "admin_change"),
}
"""Every text column with its values. The more frequent ones stand first."""

OPEN_STAGES = ("contract", "negotiation", "proposal", "prospecting", "qualification")
