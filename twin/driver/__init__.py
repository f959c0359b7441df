"""The Pulumi program run in this process on the twin's cloud, without the Pulumi CLI."""

from twin.driver.config import read_config
from twin.driver.errors import ConfigurationError, DriverError, ProgramError
from twin.driver.program import Stack, down, up

__all__ = ["ConfigurationError", "DriverError", "ProgramError", "Stack", "down", "read_config", "up"]
