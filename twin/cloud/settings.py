"""What a provider resource (`aws.Provider`, or the default one) says for all resources that it makes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from twin.cloud.kind import Problem
from twin.cloud.sdk import type_info


@dataclass(frozen=True)
class ProviderSettings:
    """Settings of one provider.

    Args:
        region: AWS region; None leaves it to the twin.
        allowed_accounts: accounts that the provider may work in; empty for any.
        forbidden_accounts: accounts that it may not work in.
        default_tags: tags of all resources that take tags; a resource's own tag of the same key wins.
        ignored_tags: keys of tags that are left out.
        ignored_prefixes: beginnings of such keys.
    """

    region: str | None = None
    allowed_accounts: tuple[str, ...] = ()
    forbidden_accounts: tuple[str, ...] = ()
    default_tags: Mapping[str, str] = field(default_factory=dict)
    ignored_tags: frozenset[str] = frozenset()
    ignored_prefixes: tuple[str, ...] = ()

    @classmethod
    def from_inputs(cls, inputs: Mapping[str, Any]) -> ProviderSettings:
        """Read a provider's inputs; what is no text may be JSON, as Pulumi's SDKs send it."""
        tags = _parsed(inputs.get("defaultTags")) or {}
        ignored = _parsed(inputs.get("ignoreTags")) or {}
        return cls(
            region=str(inputs["region"]) if inputs.get("region") else None,
            allowed_accounts=tuple(map(str, _parsed(inputs.get("allowedAccountIds")) or ())),
            forbidden_accounts=tuple(map(str, _parsed(inputs.get("forbiddenAccountIds")) or ())),
            default_tags={str(key): str(value) for key, value in (tags.get("tags") or {}).items()},
            ignored_tags=frozenset(map(str, ignored.get("keys") or ())),
            ignored_prefixes=tuple(map(str, ignored.get("keyPrefixes") or ())),
        )

    def of_region(self, region: str) -> ProviderSettings:
        """Give the same settings with the region filled in."""
        return replace(self, region=region)

    def problems(self, region: str, account: str) -> Iterator[Problem]:
        """Tell why this provider cannot work in a twin of this region and account."""
        if self.region is not None and self.region != region:
            yield Problem(
                "region",
                f"region is {self.region!r}; this twin stands in for {region}, the region of the first provider that "
                "it met. Give all providers of the stack one region, or `make down` and start anew.",
            )
        if self.allowed_accounts and account not in self.allowed_accounts:
            yield Problem("allowedAccountIds", f"allowedAccountIds does not list {account}, the twin's account.")
        if account in self.forbidden_accounts:
            yield Problem("forbiddenAccountIds", f"forbiddenAccountIds lists {account}, the twin's account.")

    def applied(self, token: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Fill in region and all tags, for a type that has these properties."""
        info, filled = type_info(token), dict(inputs)
        if info is None:
            return filled
        if "region" in info.inputs and self.region is not None:
            filled.setdefault("region", self.region)
        if "tagsAll" in info.outputs:
            filled["tagsAll"] = self._all_tags(inputs.get("tags"))
        return filled

    def _all_tags(self, own: Any) -> Any:
        if own is not None and not isinstance(own, Mapping):
            return own  # not known yet
        return {
            key: value
            for key, value in {**self.default_tags, **(own or {})}.items()
            if key not in self.ignored_tags and not key.startswith(self.ignored_prefixes)
        }


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value else value
