"""Start the policy pack: `pulumi preview --policy-pack policy`."""

import sys
from pathlib import Path

# Pulumi runs this file by its path, so that only its own folder can be imported from.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pulumi_policy import EnforcementLevel, PolicyPack

from policy.pack import NAME, policies

PolicyPack(name=NAME, enforcement_level=EnforcementLevel.MANDATORY, policies=policies())
