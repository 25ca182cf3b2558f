"""What a role may do by the policies in the emulator's IAM, its permissions boundary included."""

from __future__ import annotations

import json
from typing import Any


def allows(iam: Any, role_arn: str, action: str, resource_arn: str) -> bool:
    """Whether the role's policies allow the action and its boundary, if it has one, does not stand against it."""
    name = role_arn.rsplit("/", 1)[1]
    # The emulator takes all that follows `role/` as the name: an ARN without the role's path is the one it knows.
    plain_arn = f"{role_arn.split('/', 1)[0]}/{name}"
    granted = iam.simulate_principal_policy(
        PolicySourceArn=plain_arn, ActionNames=[action], ResourceArns=[resource_arn]
    )
    return _allowed(granted) and _within_boundary(iam, name, action, resource_arn)


def _within_boundary(iam: Any, role_name: str, action: str, resource_arn: str) -> bool:
    boundary = iam.get_role(RoleName=role_name)["Role"].get("PermissionsBoundary")
    if not boundary:
        return True
    arn = boundary["PermissionsBoundaryArn"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return _allowed(
        iam.simulate_custom_policy(
            PolicyInputList=[json.dumps(document)], ActionNames=[action], ResourceArns=[resource_arn]
        )
    )


def _allowed(answer: Any) -> bool:
    return all(result["EvalDecision"] == "allowed" for result in answer["EvaluationResults"])
