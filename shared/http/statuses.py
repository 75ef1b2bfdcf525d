"""The HTTP status of each error, and what each status means in the OpenAPI documents."""

from shared import errors

# A class that is not listed has the status of its nearest ancestor.
STATUS_BY_ERROR = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.NotSupported: 405,
    errors.NotAcceptable: 406,
    errors.Conflict: 409,
    errors.Deleted: 410,
    errors.PreconditionFailed: 412,
    errors.TooLong: 413,
    errors.UnsupportedMedia: 415,
    errors.OutOfRange: 416,
    errors.BusinessRule: 422,
    errors.Throttled: 429,
    errors.FhirError: 500,
    errors.Unimplemented: 501,
    errors.Transient: 503,
}
MEANINGS = {
    400: "The content or a parameter is not valid.",
    401: "The token is not a valid access token.",
    403: "The caller is not allowed to do this.",
    404: "The resource, version or path does not exist.",
    405: "The method or feature is not supported here.",
    406: "The media type asked for in the answer is not offered.",
    409: "Another request has changed the resource in the meantime.",
    410: "The resource has been deleted.",
    412: "A condition of the request does not hold, such as If-Match.",
    413: "The content is larger than one request, answer or item may be.",
    415: "The media type of the body is not accepted.",
    416: "The range that is asked for begins beyond the end of the content.",
    422: "Valid FHIR that a rule of this service refuses.",
    429: "The caller has done this too often, and may do it again after `Retry-After` seconds.",
    500: "An internal error.",
    501: "The operation is not implemented.",
    503: "A temporary failure, such as a busy database: try again later.",
}


def status_of(error: errors.FhirError) -> int:
    """Return the HTTP status of an error."""
    return next(
        STATUS_BY_ERROR[ancestor] for ancestor in type(error).__mro__ if ancestor in STATUS_BY_ERROR
    )
