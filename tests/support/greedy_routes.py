"""The gateway's greedy routes, which serve public paths with a trailing slash.

A route's key cannot end in a slash, so a path with a trailing slash goes to `$default`, which
requires a token. Public interactions therefore have a greedy route as well: it comes before
`$default`, and its variable also matches the empty rest after the slash.
"""

from shared.catalog.interactions import INTERACTIONS, Interaction


def greedy_path(row: Interaction) -> str:
    """Return the path of the greedy route that serves an interaction's path."""
    static = row.path.partition("/{")[0]
    return f"{static}/{{proxy+}}"


GREEDY_ROUTES = {
    f"{row.method} {greedy_path(row)}": row
    for row in INTERACTIONS
    if row.public and not row.is_at_root and row.code != "preflight"
}
