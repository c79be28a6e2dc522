"""Who calls."""

# [token]
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from google.oauth2.credentials import Credentials


def read_token(_request: Any, **_scopes: Any) -> tuple[str, datetime]:
    """The token in the file, and until when it may be used: then the file is read again."""
    until = datetime.now(UTC) + timedelta(minutes=10)
    return Path(os.environ["BATCHJOBS_TOKEN_FILE"]).read_text().strip(), until.replace(tzinfo=None)


def bearer() -> Credentials:
    """What every client takes for credentials."""
    return Credentials(None, refresh_handler=read_token)


# [/token]
