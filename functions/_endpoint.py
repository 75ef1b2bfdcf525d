"""The decorator of the handlers: it renders errors as the API that was called does."""

from shared.http import routing
from shared.http.endpoint import FHIR, ApiVariant, endpoint_decorator
from shared.http.requests import Event


def _api_variant(event: Event) -> ApiVariant:
    # Without a base path, an unknown path below /v1 comes by a route of the FHIR API.
    if not routing.is_plain(event):
        return FHIR
    from shared.plain.face import PLAIN  # noqa: PLC0415 - most requests are FHIR's

    return PLAIN


endpoint = endpoint_decorator(_api_variant)
