"""Writes the dashboards' JSON; with `--check` it fails where a committed one is another."""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.dashboards.api import api
from deploy.dashboards.controller import controller
from deploy.dashboards.overview import overview
from deploy.dashboards.pool import pool
from deploy.dashboards.team import team

FOLDER: Final = Path(__file__).parents[1] / "monitoring" / "dashboards"
DASHBOARDS: Final = (overview, team, pool, api, controller)


def text(built: Dashboard) -> str:
    """The JSON as Grafana takes it."""
    return json.dumps(built, cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.dashboards", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file would change")
    check = parser.parse_args().check
    for make in DASHBOARDS:
        file, wanted = FOLDER / f"{make.__name__}.json", text(make())
        if not check:
            file.write_text(wanted, encoding="utf-8")
        elif not file.is_file() or file.read_text(encoding="utf-8") != wanted:
            sys.exit(
                f"{file.relative_to(FOLDER.parents[2])} differs from what deploy/dashboards makes; run `make docs`"
            )


if __name__ == "__main__":
    main()
