"""CI's door: the roles that ``ci_role.yaml`` makes for two repositories, on an AWS emulator that enforces them.

It holds a token's claims against a role's trust, as AWS does; the signature, which is GitHub's, it does not look at.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from dagbranch.domain.naming import CANARY, RELEASE, SourceArchiveKey
from local.aws.ministack import REGION, Ministack
from local.certificates import Certificates
from local.processes import wait_until
from tests.fakes.template import ROOT

BUCKET = "acme-sources"
ISSUER = "https://token.actions.githubusercontent.com"
PROVIDER = "arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com"
ROLES = {
    ("acme/pipelines", "pull-requests"): "repo:acme/pipelines:pull_request",
    ("acme/models", "pull-requests"): "repo:acme/models:pull_request",
    ("acme/pipelines", "default-branch"): "repo:acme/pipelines:ref:refs/heads/main",
}

type S3As = Callable[[str, str], Any]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Ministack]:
    emulator = Ministack(tmp_path_factory.mktemp("aws"), certificates)
    try:
        emulator.start()
        bucket = {"LocationConstraint": REGION}
        emulator.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=bucket)
        yield emulator
    finally:
        emulator.stop()


@pytest.fixture(scope="module")
def roles(emulator: Ministack) -> dict[tuple[str, str], str]:
    return {(repository, uploads): deploy_role(emulator, repository, uploads) for repository, uploads in ROLES}


@pytest.fixture(scope="module")
def s3_as(emulator: Ministack, certificates: Certificates, roles: dict[tuple[str, str], str]) -> S3As:
    """A client with the rights of a repository's workflows."""

    def s3_as(repository: str, uploads: str) -> Any:
        session = taken(emulator, roles[repository, uploads], a_token(ROLES[repository, uploads]))
        return boto3.client(
            "s3",
            endpoint_url=emulator.endpoint,
            region_name=REGION,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
            verify=str(certificates.authority),
        )

    return s3_as


def deploy_role(emulator: Ministack, repository: str, uploads: str, **more: str) -> str:
    stack = "-".join((repository.replace("/", "-"), uploads, *(one.lower() for one in more)))
    given = {
        "Repository": repository,
        "UploadsFor": uploads,
        "SourceBucketName": BUCKET,
        "OidcProviderArn": PROVIDER,
        **more,
    }
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=(ROOT / "ci_role.yaml").read_text(),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        Capabilities=["CAPABILITY_IAM"],
    )

    def described() -> Any:
        return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]

    wait_until(lambda: described()["StackStatus"] == "CREATE_COMPLETE", what="the role is there", deadline_seconds=30)
    (output,) = described()["Outputs"]
    return str(output["OutputValue"])


def key_of(repository: str, number: int) -> str:
    return str(SourceArchiveKey(repository, number, "0" * 40, "f" * 64))


def is_denied(s3: Any, key: str) -> bool:
    try:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    except ClientError as error:
        return str(error.response["Error"]["Code"]) == "AccessDenied"
    return False


def a_token(subject: str, audience: str = "sts.amazonaws.com", issuer: str = ISSUER) -> str:
    claims = {"iss": issuer, "aud": audience, "sub": subject}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims)]
    return ".".join((*parts, "signed"))


def taken(emulator: Ministack, role_arn: str, token: str) -> dict[str, str]:
    answer = emulator.client("sts").assume_role_with_web_identity(
        RoleArn=role_arn, RoleSessionName="ci", WebIdentityToken=token
    )
    credentials: dict[str, str] = answer["Credentials"]
    return credentials


@pytest.mark.parametrize("repository", ["acme/pipelines", "acme/models"])
def test_a_repositorys_pull_requests_put_under_its_own_prefix_and_no_other(s3_as: S3As, repository: str) -> None:
    s3 = s3_as(repository, "pull-requests")
    other = "acme/models" if repository == "acme/pipelines" else "acme/pipelines"

    assert not is_denied(s3, key_of(repository, 7))
    for key in (key_of(other, 7), key_of(repository, RELEASE), key_of(repository, CANARY), "sources/x.zip", "x.zip"):
        assert is_denied(s3, key), key


def test_the_default_branch_puts_releases_and_nothing_of_a_pull_request(s3_as: S3As) -> None:
    s3 = s3_as("acme/pipelines", "default-branch")

    assert not is_denied(s3, key_of("acme/pipelines", RELEASE))
    for key in (key_of("acme/pipelines", 7), key_of("acme/pipelines", CANARY), key_of("acme/models", RELEASE)):
        assert is_denied(s3, key), key


def test_an_uploader_reads_lists_and_deletes_nothing(s3_as: S3As) -> None:
    s3, key = s3_as("acme/pipelines", "pull-requests"), key_of("acme/pipelines", 8)
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"archive")

    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket=BUCKET, Key=key)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=BUCKET, Prefix="sources/acme/pipelines/")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=BUCKET, Key=key)


@pytest.mark.parametrize(("repository", "uploads"), ROLES)
@pytest.mark.parametrize(
    "token",
    [
        *(a_token(subject) for subject in ROLES.values()),
        a_token("repo:acme/pipelines:ref:refs/heads/main2"),
        a_token("repo:acme/pipelines-2:pull_request"),
        a_token("repo:acme/pipelines:environment:prod"),
        a_token("repo:Acme/models:pull_request"),
    ],
)
def test_a_role_is_taken_by_the_workflows_that_it_is_for_and_by_no_others(
    emulator: Ministack, roles: dict[tuple[str, str], str], repository: str, uploads: str, token: str
) -> None:
    role = roles[repository, uploads]

    if token == a_token(ROLES[repository, uploads]):
        assert taken(emulator, role, token)
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            taken(emulator, role, token)


def test_a_token_for_somebody_else_or_of_another_issuer_is_of_no_use(
    emulator: Ministack, roles: dict[tuple[str, str], str]
) -> None:
    role, subject = roles["acme/pipelines", "pull-requests"], ROLES["acme/pipelines", "pull-requests"]

    for token in (
        a_token(subject, audience="https://github.com/acme"),
        a_token(subject, issuer="https://evil.example"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            taken(emulator, role, token)


def test_a_customized_subject_is_the_only_one(emulator: Ministack) -> None:
    subject = "repository_id:4711:context:ref:refs/heads/main"

    role = deploy_role(emulator, "acme/other", "default-branch", Subject=subject)

    assert taken(emulator, role, a_token(subject))
    with pytest.raises(ClientError, match="AccessDenied"):
        taken(emulator, role, a_token("repo:acme/other:ref:refs/heads/main"))
