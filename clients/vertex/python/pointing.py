"""Where the gateway is, who calls, and what is to be done: what every program here is told."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

# <token>
from google.oauth2.credentials import Credentials


def read_token(_request: Any, **_scopes: Any) -> tuple[str, datetime]:
    """The token in the file, and until when it may be used; after that the file is read again."""
    until = datetime.now(UTC) + timedelta(minutes=10)
    return Path(os.environ["GATEWAY_TOKEN_FILE"]).read_text().strip(), until.replace(tzinfo=None)


def bearer() -> Credentials:
    """What every client takes for credentials."""
    return Credentials(None, refresh_handler=read_token)  # type: ignore[no-untyped-call]


# </token>

ACTION, SOURCE, DESTINATION, NAME = sys.argv[1:5]
WAY: Final = os.environ.get("GATEWAY_WAY", "")
PROJECT, LOCATION = os.environ["GATEWAY_PROJECT"], os.environ["GATEWAY_LOCATION"]
PARENT: Final = f"projects/{PROJECT}/locations/{LOCATION}"
MODEL: Final = "publishers/google/models/gemini-2.5-flash"
FILTER: Final = f'display_name="{NAME}"'
BIGQUERY: Final = SOURCE.startswith("bq://")

REFUSED, NOT_OFFERED = 3, 4
PAUSE: Final = 0.3
"""Seconds between two looks; the samples take thirty."""
