"""The Content-Security-Policy of an answer."""

from tests.support.api_client import Answer


def directives(answer: Answer) -> dict[str, str]:
    """Return the sources of each directive of an answer's policy."""
    policy = answer.headers["Content-Security-Policy"]
    pairs = (directive.partition(" ") for directive in policy.split("; "))
    return {name: values for name, _, values in pairs}
