"""The local AWS account as one thing: emulator, deployed template, sandboxes, and questions about them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.aws import permissions
from local.aws.deployed import DeployedStack
from local.aws.deployment import deployed_functions, sam_deploy, stack_resources
from local.aws.functions import Functions
from local.aws.ministack import REGION, Ministack
from local.aws.sandbox import Watch
from local.certificates import Certificates

_ARTIFACTS = "sam-artifacts"


class LocalAws:
    """Everything is under ``folder`` or in child processes, and gone after ``stop()`` except the logs."""

    region = REGION

    def __init__(
        self, folder: Path, certificates: Certificates, *, function_environment: Mapping[str, str] | None = None
    ) -> None:
        self._folder = folder
        self._emulator = Ministack(folder, certificates)
        self._functions = Functions(
            folder=folder,
            administrator=self.client,
            environment={
                "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_CA_BUNDLE": str(certificates.authority),
                "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
                **(function_environment or {}),
            },
        )

    @property
    def endpoint(self) -> str:
        return self._emulator.endpoint

    def start(self) -> None:
        self._emulator.start()
        self._functions.start()
        location = {"LocationConstraint": self.region}
        self.client("s3").create_bucket(Bucket=_ARTIFACTS, CreateBucketConfiguration=location)

    def stop(self) -> None:
        """Ends everything that was started, also where ``start()`` failed half-way."""
        self._functions.stop()
        self._emulator.stop()

    def client(self, service: str) -> Any:
        """A boto3 client with the administrator's credentials."""
        return self._emulator.client(service)

    def client_of(self, role_arn: str, service: str) -> Any:
        """A boto3 client with a session of this role: what its policies do not allow is refused."""
        session = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="somebody")["Credentials"]
        return self._emulator.client(service, session)

    def environment(self) -> dict[str, str]:
        """Of a command that speaks as the administrator."""
        return self._emulator.environment()

    def reader(self, name: str, objects: str) -> dict[str, str]:
        """The environment of a command that may read these objects, ``bucket/prefix/*``, and may do nothing else."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{objects}"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="read", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        own = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        return self._emulator.environment() | own

    def deploy(
        self,
        build_folder: Path,
        *,
        stack_name: str,
        parameters: Mapping[str, str],
        function_environment: Mapping[str, str] | None = None,
        watch: Watch | None = None,
    ) -> DeployedStack:
        """Deploys what ``cached_build`` made, and runs this stack's functions in sandboxes from now on.

        ``function_environment``: more variables for them, such as AWS_ENDPOINT_URL_MWAA. ``watch`` is told of every
        invocation.
        """
        sam_deploy(
            build_folder,
            stack_name=stack_name,
            bucket=_ARTIFACTS,
            parameters=parameters,
            environment=self._emulator.environment(),
        )
        functions = deployed_functions(self.client, stack_name, build_folder)
        logs = self._functions.bind(stack_name, functions, environment=function_environment or {}, watch=watch)
        described = self.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
        return DeployedStack(self, stack_name, outputs, stack_resources(self.client, stack_name), logs)

    def reachable(self, url: str) -> tuple[str, dict[str, str]]:
        """An address of the emulator's (function URL, API) as one on loopback, with the Host header that it needs."""
        parts = urlsplit(url)
        return f"{self.endpoint}{parts.path or '/'}", {"Host": parts.netloc}

    def permits(self, access_key_id: str, action: str, resource_arn: str) -> bool:
        """Whether the role whose session a sandbox got with this key may do this; unknown keys may do nothing.

        For what the emulator does not serve itself, such as MWAA. Policies with conditions count without a context.
        """
        role = self._functions.role_of(access_key_id)
        return role is not None and permissions.allows(self.client("iam"), role, action, resource_arn)
