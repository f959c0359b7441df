"""Errors of the scale model.

ScaleError               the model cannot be computed
└── UnstableError        a closed form was asked about a queue that only grows
"""

from __future__ import annotations


class ScaleError(Exception):
    """The model cannot be computed."""


class UnstableError(ScaleError):
    """A closed form was asked about a queue that only grows; the message has its utilisation."""
