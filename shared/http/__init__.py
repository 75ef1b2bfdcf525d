"""Between the gateway's events and the interactions."""

from shared.http.endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response

__all__ = ["Request", "Response", "endpoint"]
