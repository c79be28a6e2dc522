"""The chart is rendered by a real helm."""

import pytest

from chart.rendered import HELM


def pytest_collection_modifyitems(items):
    skip = pytest.mark.skip(reason="there is no helm in .venv: `make helm` builds it")
    for item in items:
        if "/tests/chart/" in str(item.path) and not HELM.exists():
            item.add_marker(skip)
