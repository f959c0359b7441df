"""Errors of the plugin.

TwinError
└── PluginError
    ├── KeeperError      the process that keeps the twin cannot be reached, or refused
    ├── ProjectError     the program's project cannot be read
    └── CommandError     the Pulumi CLI is missing, or the folder is somebody else's
"""

from __future__ import annotations

from twin.errors import TwinError


class PluginError(TwinError):
    """Pulumi's engine cannot be brought together with the twin."""


class KeeperError(PluginError):
    """The process that keeps the twin cannot be reached, or refused what was asked of it."""


class ProjectError(PluginError):
    """The program's project or its stack's configuration cannot be read."""


class CommandError(PluginError):
    """The Pulumi CLI is missing, or cannot be run on this folder."""
