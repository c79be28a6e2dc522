"""What Google's published samples read, where a test's gateway finds it, and a policy that lets them."""

from typing import Any

from clients.samples import BIGQUERY_SAMPLE, GCS_SAMPLES
from support.gateway import ROW, Gateway


async def offer_samples(gateway: Gateway) -> None:
    """Write the public sources, and let the team ranking read them, from the location `global` too."""
    for uri in GCS_SAMPLES:
        gateway.write_rows(uri)
    table = gateway.table_path(BIGQUERY_SAMPLE.removeprefix("bq://"))
    table.parent.mkdir(parents=True)
    table.write_text(ROW * 3)
    await gateway.set_policy(allow_samples)


def allow_samples(policy: dict[str, Any]) -> None:
    policy["pools"].append({"project": "corp-ml", "region": "global", "capacity": 4})
    policy["defaults"]["global_bigquery"] = "allow"
    policy["teams"]["ranking"]["sources"] += ["gs://cloud-samples-data/**", "bq://storage-samples.generative_ai.*"]
