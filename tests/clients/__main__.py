"""Play all clients against one service and write the report that README.md is generated from.

`uv run python -m tests.clients && uv run python -m tests.tools.readme`

To update a client: `npm update` in its directory, or `uv lock --upgrade --script play.py`.
"""

import json

from tests.clients.playing import CLIENTS, REPORT
from tests.support.deployment import deployment

with deployment() as values:
    played = [client.play(values) for client in CLIENTS]
REPORT.write_text(json.dumps(played, indent=2) + "\n")
