"""Errors of the cost report.

CostError                  the report cannot be made
├── NoPriceError           prices.json has no price of something
└── UnknownTypeError       nothing says what resources of a type cost
"""

from __future__ import annotations


class CostError(Exception):
    """The report cannot be made."""


class NoPriceError(CostError):
    """prices.json has no price of something; the message says what, and where to look."""


class UnknownTypeError(CostError):
    """Nothing says what resources of a type cost, or that they cost nothing."""
