"""The local AWS services: ministack's ASGI application, served on loopback, made prompt and safe to kill."""

from twin.emulator.emulator import Emulator
from twin.emulator.errors import EmulatorError

__all__ = ["Emulator", "EmulatorError"]
