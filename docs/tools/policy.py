"""Writes docs/policy.md from the typed models of the policy file and the sample file, so that none can differ."""

import pages

from gateway.policy.reference import reference

SAMPLE = pages.DOCS.parent / "examples" / "policy.yaml"

if __name__ == "__main__":
    pages.run(
        "policy.md",
        lambda: reference(SAMPLE.read_text()),
        tool="policy.py",
        source="src/gateway/policy/document.py",
    )
