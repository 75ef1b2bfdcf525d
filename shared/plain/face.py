"""The plain-JSON API as the decorator of handlers takes it."""

from shared.http.endpoint import ApiVariant
from shared.plain import problems
from shared.plain.collections import EVERY_PARAM

PLAIN = ApiVariant(problems.refused, problems.broken, lambda: EVERY_PARAM)
