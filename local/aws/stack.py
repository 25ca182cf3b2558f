"""The local AWS account as one thing: emulator, deployed template, sandboxes, and questions about them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.aws import permissions
from local.aws.deployment import deployed_functions, sam_deploy, stack_resources
from local.aws.functions import Functions
from local.aws.ministack import REGION, Ministack
from local.aws.sandbox import Watch
from local.certificates import Certificates

_ARTIFACTS = "sam-artifacts"
_WRAPPED_ERROR = re.compile(r"Proxy target returned HTTP \d+: (\{.*\})", re.DOTALL)


@dataclass(frozen=True)
class InvocationResult:
    """What the function returned, or the error it raised (``errorType``, ``errorMessage``)."""

    ok: bool
    payload: Any


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
        self._stack: dict[str, str] = {}

    @property
    def endpoint(self) -> str:
        return self._emulator.endpoint

    @property
    def logs(self) -> Path:
        """The folder with one file per function, ``<LogicalId>.log``."""
        return self._folder / "logs" / "functions"

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

    def give_functions(self, environment: Mapping[str, str]) -> None:
        """More variables for every function that is deployed from now on, such as AWS_ENDPOINT_URL_MWAA."""
        self._functions.give(environment)

    def watch_functions(self, watch: Watch) -> None:
        """Tells it of every invocation of what is deployed from now on."""
        self._functions.watch = watch

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

    def deploy(self, build_folder: Path, *, stack_name: str, parameters: Mapping[str, str]) -> dict[str, str]:
        """Deploys what ``cached_build`` made, runs its functions in sandboxes from now on, and returns the outputs.

        One stack at a time: the questions below are about the one deployed last.
        """
        sam_deploy(
            build_folder,
            stack_name=stack_name,
            bucket=_ARTIFACTS,
            parameters=parameters,
            environment=self._emulator.environment(),
        )
        self._stack = stack_resources(self.client, stack_name)
        self._functions.bind(deployed_functions(self.client, stack_name, build_folder))
        stack = self.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def invoke(self, function_logical_id: str, event: object) -> InvocationResult:
        """Runs a function through the emulator's Lambda API, as ``aws lambda invoke`` does."""
        answer = self.client("lambda").invoke(
            FunctionName=self.function_name(function_logical_id), Payload=json.dumps(event).encode()
        )
        payload = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            return InvocationResult(ok=False, payload=_raised(payload))
        return InvocationResult(ok=True, payload=payload)

    def function_name(self, logical_id: str) -> str:
        return self.physical_id(logical_id)

    def physical_id(self, logical_id: str) -> str:
        """The name, URL or ARN that the deployed stack gave this resource."""
        return self._stack[logical_id]

    def function_url(self, logical_id: str) -> tuple[str, dict[str, str]]:
        """Where to send a request for this function's URL, and the Host header that it needs."""
        url = self.client("lambda").get_function_url_config(FunctionName=self.function_name(logical_id))["FunctionUrl"]
        return self.reachable(url)

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


def _raised(payload: Any) -> Any:
    """The function's own error, out of the emulator's words about its proxy."""
    wrapped = _WRAPPED_ERROR.fullmatch(str(payload.get("errorMessage", "")))
    return json.loads(wrapped[1]) if wrapped else payload
