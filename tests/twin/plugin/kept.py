"""A twin for providers in tests, that stands in one region."""

from __future__ import annotations

from twin.cloud import Cloud
from twin.cloud.settings import ProviderSettings

REGION, ACCOUNT = "eu-west-1", "123456789012"


class Kept:
    """`twin.plugin.package.Kept` on a cloud that is there already."""

    def __init__(self, cloud: Cloud) -> None:
        self.made = cloud
        self.changes = 0

    def cloud(self) -> Cloud:
        """Give the cloud."""
        return self.made

    def place_for(self, settings: ProviderSettings) -> tuple[str, str]:
        """Stand in one region."""
        return REGION, ACCOUNT

    def warnings(self) -> list[str]:
        """Have nothing to say."""
        return []

    def settle(self, settings: ProviderSettings) -> ProviderSettings:
        """Stand in one region."""
        return settings.of_region(REGION)

    def changed(self, *, removed: bool = False) -> None:
        """Count."""
        self.changes += 1
