"""How late the event loop is: what a blocking call anywhere in the process shows up in first."""

import asyncio
import time
from typing import Final

from gateway.telemetry.process_metrics import ProcessMetrics

PERIOD: Final = 1.0


async def measure_loop_lag(metrics: ProcessMetrics) -> None:
    """Sleep again and again and note how much later than asked the loop came back, until cancelled."""
    while True:
        asked = time.perf_counter() + PERIOD
        await asyncio.sleep(PERIOD)
        metrics.event_loop_lag(time.perf_counter() - asked)
