"""The partitions that hold every match of one criterion, and how exactly they answer it."""

from collections.abc import Iterator
from itertools import chain

from shared.catalog import access_patterns as patterns
from shared.catalog.access_patterns import encode_segment
from shared.catalog.parameters import SearchParam
from shared.fhir import words
from shared.fhir.search_values import Reference, Token, parse_path
from shared.search.plan.windows import KeyRange
from shared.search.query.criterion import Criterion
from shared.search.query.operands import ContainedOperand, Operand, ReferenceOperand, TokenOperand
from shared.store.index import partitions, readiness

type Partition = tuple[str, str]

# How many times more resources share the beginning of a word if it has no letter, one or two. From
# three letters on it is selective.
_FEWER = (1000, 100, 10)


def estimated_matches(criterion: Criterion) -> int:
    """Return about how many resources share a value of a criterion; fewer, the longer a word is."""
    if criterion.param.type != "string":
        return criterion.param.resources_per_value
    letters = min(len(str(operand)) for operand in criterion.operands)
    if letters < len(_FEWER):
        return criterion.param.resources_per_value * _FEWER[letters]
    return max(criterion.param.resources_per_value - letters, 1)


def partitions_of(criterion: Criterion, tenant: str) -> list[Partition]:
    """Return the partitions that hold every match of a criterion; none if it is not indexed."""
    param = criterion.param
    has_keys = criterion.modifier == "" or (param.type, criterion.modifier) == ("string", "exact")
    if not has_keys or not readiness.is_partitioned(param):
        return []
    by_operand = [
        [*_partitions_of_operand(param, operand, tenant)] for operand in criterion.operands
    ]
    return list(dict.fromkeys(chain.from_iterable(by_operand))) if all(by_operand) else []


def _partitions_of_operand(
    param: SearchParam, operand: Operand, tenant: str
) -> Iterator[Partition]:
    """Yield the partitions that hold every match of one of a criterion's values."""
    if keyed := keyed_operand(param, operand):
        target_id = keyed.text.partition("/")[2]
        yield partitions.KEYED[param.keyed_target], f"{tenant}#{encode_segment(target_id)}"
    for key in value_keys(param, operand):
        for partition in partitions.of_value(tenant, param, key):
            yield patterns.index_table(param.resource), partition


def value_keys(param: SearchParam, operand: Operand) -> Iterator[str]:
    """Yield the key of each value whose rows match an operand."""
    if isinstance(operand, TokenOperand) and operand.code:
        key = partitions.value_key(param, Token("", operand.code))
        if operand.system is not None:
            key = partitions.system_key(param, operand.system, operand.code) or key
        yield key
    elif isinstance(operand, str) and param.type != "string":
        yield operand
    elif isinstance(operand, str) and words.normalize(operand):
        yield words.initial(word_range(operand)[0])
    elif isinstance(operand, ContainedOperand):
        yield partitions.CONTAINED
    elif isinstance(operand, ReferenceOperand):
        yield from _keys_of_reference(param, operand)


def _keys_of_reference(param: SearchParam, operand: ReferenceOperand) -> list[str]:
    if not operand.is_bare_id:
        key = partitions.value_key(param, Reference(operand.text, operand.type))
        return [key] if key else []
    if param.is_by_id:
        return [operand.text]
    targets = [target for target in param.targets if target != param.keyed_target]
    return [f"{target}/{operand.text}" for target in targets]


def word_range(operand: Operand) -> KeyRange:
    """Return the range of keys of the words that a string may begin."""
    return words.key_range(words.normalize(str(operand)))


def keyed_operand(param: SearchParam, operand: Operand) -> ReferenceOperand | None:
    """Return the part of an operand that the resource tables' own keys answer, if any."""
    if not isinstance(operand, ReferenceOperand) or not param.keyed_target:
        return None
    if operand.is_bare_id:
        return ReferenceOperand(f"{param.keyed_target}/{operand.text}", param.keyed_target)
    return operand if partitions.is_keyed(param, Reference(operand.text, operand.type)) else None


def is_impossible(criterion: Criterion) -> bool:
    """Return whether a criterion asks only for types that its parameter never refers to."""
    only_type = parse_path(criterion.param.expression).only if criterion.param.expression else ""
    return bool(only_type and not criterion.modifier) and all(
        isinstance(operand, ReferenceOperand) and operand.type not in ("", only_type)
        for operand in criterion.operands
    )


def is_answered(criterion: Criterion) -> bool:
    """Return whether everything in a criterion's partitions matches it."""
    return all(_is_exact(criterion.param, operand) for operand in criterion.operands)


def _is_exact(param: SearchParam, operand: Operand) -> bool:
    if isinstance(operand, TokenOperand):
        return operand.system is None and not parse_path(param.expression).where
    if not isinstance(operand, ReferenceOperand):
        return isinstance(operand, str)
    if operand.text.startswith(partitions.CONTAINED):
        return False
    if operand.is_bare_id:
        return not param.is_by_id
    is_of_type = parse_path(param.expression).only in ("", operand.type)
    return is_of_type and (not param.is_by_id or keyed_operand(param, operand) is not None)
