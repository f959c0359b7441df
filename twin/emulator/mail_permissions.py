"""The right to send mail, as SES checks it.

SES asks for the right on the identity that mail comes from and on the configuration set that it goes by, and lets
conditions test the addresses ("Actions, resources, and condition keys for Amazon Simple Email Service v2"). As it is,
ministack asks for the right on everything, so that a policy with ARNs would not do, and conditions would not count.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.utils import parseaddr
from typing import Any

SEND_PATH = "/v2/email/outbound-emails"
# By the kind of content of a request.
ACTIONS = {"Simple": "ses:SendEmail", "Raw": "ses:SendRawEmail", "Template": "ses:SendTemplatedEmail"}


def repair(app: Any, ses: Any, ses_v2: Any) -> None:
    """Put right what the module's docstring names, in ministack's application."""
    original = app._enforce_ses_v2

    def enforce(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any], request_id: str
    ) -> Any:
        if method != "POST" or path.rstrip("/") != SEND_PATH:
            return original(method, path, headers, body, query_params, request_id)
        try:
            mail = json.loads(body)
        except ValueError:
            return original(method, path, headers, body, query_params, request_id)
        sender = parseaddr(mail.get("FromEmailAddress", ""))
        action = next((name for kind, name in ACTIONS.items() if mail.get("Content", {}).get(kind)), ACTIONS["Simple"])
        for resource in _resources(mail, sender[1], ses, ses_v2):
            denied = app._enforce_data_plane(
                "sesv2", action, headers, query_params, request_id,
                resource_arn=resource, service_context=_conditions(mail, sender), named_resource=resource,
            )  # fmt: skip
            if denied:
                return denied
        by = mail.get("ConfigurationSetName")
        return ses_v2._missing_config_set(by) if by and by not in ses_v2._config_sets else None

    app._enforce_ses_v2 = enforce


def _resources(mail: dict[str, Any], address: str, ses: Any, ses_v2: Any) -> Iterator[str]:
    yield ses_v2._resource_arn("identity", _identity(address, {*ses._identities, *ses_v2._identities}))
    if mail.get("ConfigurationSetName"):
        yield ses_v2._resource_arn("configuration-set", mail["ConfigurationSetName"])


def _identity(address: str, verified: set[str]) -> str:
    """The identity that stands for an address: itself, or else the nearest domain that is one."""
    labels = address.rpartition("@")[2].split(".")
    domains = (".".join(labels[start:]) for start in range(len(labels) - 1))
    return next((each for each in (address, *domains) if each in verified), address)


def _conditions(mail: dict[str, Any], sender: tuple[str, str]) -> dict[str, Any]:
    destination = mail.get("Destination", {})
    fields = ("ToAddresses", "CcAddresses", "BccAddresses")
    recipients = [parseaddr(each)[1] for field in fields for each in destination.get(field) or ()]
    return {"ses:FromDisplayName": sender[0], "ses:FromAddress": sender[1], "ses:Recipients": recipients}
