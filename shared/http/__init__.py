"""The HTTP layer: turns API Gateway events into requests, and responses into payloads."""

from shared.http.endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response

__all__ = ["Request", "Response", "endpoint"]
