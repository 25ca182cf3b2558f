"""What the template lets the functions do to job code, on an AWS emulator that enforces it: enough, and no more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from dagbranch.adapters.s3 import S3ArtifactsBucket
from dagbranch.errors import UpstreamError
from local.aws.ministack import REGION, Ministack
from local.certificates import Certificates
from local.processes import wait_until
from tests.fakes.contracts.buckets import CHANGED_JOBS, JOBS, OURS
from tests.fakes.template import RESOURCES, TEMPLATE

MWAA_BUCKET = "acme-mwaa"
FUNCTIONS = ("FetchSource", "PackageDags", "RemoveEnvironment")

type BucketOf = Callable[..., S3ArtifactsBucket]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Ministack]:
    emulator = Ministack(tmp_path_factory.mktemp("aws"), certificates)
    try:
        emulator.start()
        yield emulator
    finally:
        emulator.stop()


@pytest.fixture(scope="module", params=["", "acme-artifacts"], ids=["mwaas-bucket", "another-bucket"])
def bucket_of(emulator: Ministack, certificates: Certificates, request: pytest.FixtureRequest) -> BucketOf:
    """The adapter with the rights of a function, at ArtifactsPath or elsewhere."""
    bucket = request.param or MWAA_BUCKET
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    roles = deploy_roles(emulator, f"roles-of-{bucket}", request.param)

    def bucket_of(function: str, path: str = "artifacts") -> S3ArtifactsBucket:
        session = emulator.client("sts").assume_role(RoleArn=roles[function], RoleSessionName=function)["Credentials"]
        client = boto3.client(
            "s3",
            endpoint_url=emulator.endpoint,
            region_name=REGION,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
            verify=str(certificates.authority),
        )
        return S3ArtifactsBucket(client, bucket, path)

    return bucket_of


def deploy_roles(emulator: Ministack, stack: str, artifacts_bucket: str) -> dict[str, str]:
    """Roles with the template's own statements about job code and nothing else; their ARNs by function."""
    given = {"ArtifactsBucketName": artifacts_bucket, "DagsBucketName": MWAA_BUCKET}
    parameters = {name: {**TEMPLATE["Parameters"][name], "Default": given[name]} for name in given}
    template = {
        "Parameters": {**parameters, "ArtifactsPath": TEMPLATE["Parameters"]["ArtifactsPath"]},
        "Conditions": {"HasArtifactsBucket": TEMPLATE["Conditions"]["HasArtifactsBucket"]},
        "Resources": {function: role(function) for function in FUNCTIONS},
        "Outputs": {function: {"Value": {"Fn::GetAtt": [function, "Arn"]}} for function in FUNCTIONS},
    }
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])

    def described() -> Any:
        return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]

    wait_until(lambda: described()["StackStatus"] == "CREATE_COMPLETE", what="the roles are there", deadline_seconds=30)
    return {output["OutputKey"]: output["OutputValue"] for output in described()["Outputs"]}


def role(function: str) -> dict[str, Any]:
    statements = [
        statement
        for policy in RESOURCES[function]["Properties"]["Policies"]
        for statement in policy.get("Statement", [])
        if "ArtifactsBucketName" in str(statement["Resource"])
    ]
    anybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [anybody]},
            "Policies": [
                {"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}},
            ],
        },
    }


def test_each_function_may_do_its_part(bucket_of: BucketOf) -> None:
    packaging = bucket_of("PackageDags")
    packaging.put("feature1", JOBS, OURS)
    changed = packaging.put("feature1", CHANGED_JOBS, OURS)

    assert packaging.drop("feature1", OURS, keep=[changed]) == len(JOBS.files)
    assert bucket_of("FetchSource").is_free("feature1", OURS)
    assert bucket_of("FetchSource").is_free("feature2", OURS)
    assert bucket_of("RemoveEnvironment").drop("feature1", OURS) == 1
    assert bucket_of("RemoveEnvironment").left("feature1") == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_reaches_what_lies_beside_the_artifacts(bucket_of: BucketOf, function: str) -> None:
    elsewhere = bucket_of(function, "reports")

    with pytest.raises(UpstreamError, match="AccessDenied"):
        elsewhere.left("feature1")
    with pytest.raises(UpstreamError, match="AccessDenied"):
        elsewhere.put("feature1", JOBS, OURS)
    with pytest.raises(UpstreamError, match="AccessDenied"):
        elsewhere.drop("feature1", OURS)


def test_looking_for_a_name_changes_nothing(bucket_of: BucketOf) -> None:
    with pytest.raises(UpstreamError, match="AccessDenied"):
        bucket_of("FetchSource").put("feature1", JOBS, OURS)
    with pytest.raises(UpstreamError, match="AccessDenied"):
        bucket_of("RemoveEnvironment").put("feature1", JOBS, OURS)
