"""AWS resources on one machine: made real where they carry data, recorded where they do not."""

from twin.cloud.cloud import Cloud
from twin.cloud.errors import CloudError, InputError, ResourceError, UnsupportedTypeError
from twin.cloud.kind import Made

__all__ = ["Cloud", "CloudError", "InputError", "Made", "ResourceError", "UnsupportedTypeError"]
