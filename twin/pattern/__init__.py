"""Event patterns of EventBridge: which events a pipe or an event source mapping takes."""

from twin.pattern.criteria import FilterCriteria, filter_patterns
from twin.pattern.errors import PatternError
from twin.pattern.pattern import Predicate, compile_pattern

__all__ = ["FilterCriteria", "PatternError", "Predicate", "compile_pattern", "filter_patterns"]
