"""A local AWS account: an emulator that enforces policies, the deployed SAM template, its functions in sandboxes."""

from __future__ import annotations

from local.aws.building import cached_build, sam_build
from local.aws.deployed import DeployedStack, InvocationResult
from local.aws.stack import LocalAws

__all__ = ["DeployedStack", "InvocationResult", "LocalAws", "cached_build", "sam_build"]
