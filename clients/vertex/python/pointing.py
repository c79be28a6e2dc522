"""Where the gateway is and what is to be done: what every program here is told."""

import os
import sys
from typing import Final

ACTION, SOURCE, DESTINATION, NAME = sys.argv[1:5]
WAY: Final = os.environ.get("BATCHJOBS_WAY", "")
PROJECT, LOCATION = os.environ["BATCHJOBS_PROJECT"], os.environ["BATCHJOBS_LOCATION"]
PARENT: Final = f"projects/{PROJECT}/locations/{LOCATION}"
MODEL: Final = "publishers/google/models/gemini-2.5-flash"
FILTER: Final = f'display_name="{NAME}"'
BIGQUERY: Final = SOURCE.startswith("bq://")

REFUSED, NOT_OFFERED = 3, 4
PAUSE: Final = 0.3
"""Seconds between two looks; the samples take thirty."""
