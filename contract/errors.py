"""Errors of the contract's tools.

::

    ContractError   openapi.yaml lacks something that its page or its checks need
"""

from __future__ import annotations


class ContractError(Exception):
    """openapi.yaml lacks something that its page or its checks need; the message says what and where."""
