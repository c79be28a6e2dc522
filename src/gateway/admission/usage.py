"""How much of each quota is used up now, as callers and metrics are shown it."""

from collections.abc import Mapping
from datetime import datetime

from gateway.admission.quotas import current
from gateway.policy.model import Quotas
from gateway.store.model import Usage


def used_by_quota(usage: Usage, quotas: Quotas, now: datetime) -> Mapping[str, float]:
    """By the quotas' names: batch jobs, creates in the bucket, or bytes. Days that are over count nothing."""
    usage = current(usage, quotas, now)
    return {
        "active_jobs": usage.active_jobs,
        "queued_jobs": usage.queued_jobs,
        "creates_per_minute": usage.bucket_used,
        "jobs_per_day": usage.day_jobs,
        "input_bytes_per_day": usage.day_input_bytes,
    }
