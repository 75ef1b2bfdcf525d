"""The interaction search: one page of the resources that match a query.

https://hl7.org/fhir/R4/search.html
"""

from shared.access.caller import Caller
from shared.access.visibility import Visibility
from shared.search.run.search import Result
from shared.search.run.search import search as run
from shared.settings import settings


def search(
    caller: Caller,
    resource_type: str,
    query: list[tuple[str, str]],
    *,
    lenient: bool,
    letters: str = "s",
) -> Result:
    """Return a page of the resources of a type that match a query and that the caller sees.

    `letters` are those of the scopes that count for this search. Raises Invalid and TooCostly.
    """
    return run(
        resource_type,
        query,
        visibility=Visibility(caller, letters),
        zone=settings().zone,
        lenient=lenient,
    )
