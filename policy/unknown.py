"""A value that only the deployment will tell.

In a preview most of what one resource takes from another is not known. A rule that
would go on as if it were, finds too much or too little; so an unknown value raises as
soon as it is looked at, and the rule's answer is "cannot be told".
"""

from __future__ import annotations

from typing import Any, NoReturn

from policy.errors import UnknownValueError


class Unknown:
    """Stands where a value will be; raises UnknownValueError at any use but `is`.

    Args:
        path: where it stands in the resource's inputs.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def _raise(self, *_: Any) -> NoReturn:
        raise UnknownValueError(self.path)

    def __repr__(self) -> str:
        return f"<unknown {self.path}>"

    def __eq__(self, other: object) -> bool:
        self._raise()

    def __hash__(self) -> int:
        self._raise()

    __bool__ = __str__ = __int__ = __float__ = __len__ = __iter__ = __index__ = _raise
    __getitem__ = __contains__ = __format__ = __add__ = __radd__ = __mul__ = __rmul__ = _raise
    __lt__ = __le__ = __gt__ = __ge__ = _raise


def known(value: Any) -> Any:
    """Give the value back.

    Raises:
        UnknownValueError: it is unknown.
    """
    if isinstance(value, Unknown):
        raise UnknownValueError(value.path)
    return value


def whole(value: Any) -> Any:
    """Give the value back if it is known with all its parts.

    Raises:
        UnknownValueError: it is unknown, or some part of it is.
    """
    if isinstance(known(value), dict):
        for part in value.values():
            whole(part)
    elif isinstance(value, list):
        for part in value:
            whole(part)
    return value
