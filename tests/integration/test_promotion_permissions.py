"""What the template's own policies let two lanes do to each other, on an AWS emulator that enforces them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.dynamodb_audit import DynamoDbAudit
from dagbranch.adapters.dynamodb_releases import DynamoDbReleases
from dagbranch.adapters.kms_promotions import KmsSigner, PublicKeys
from dagbranch.adapters.next_lane import S3NextLane
from dagbranch.adapters.s3 import S3SourceBucket
from dagbranch.domain.naming import audit_key, ledger_key
from dagbranch.errors import UpstreamError
from local.aws.ministack import ACCOUNT, REGION, Ministack
from local.certificates import Certificates
from local.processes import wait_until
from tests.fakes.contracts.audit import FULL as DEED
from tests.fakes.contracts.promotions import promoted_archive
from tests.fakes.contracts.releases import FULL as RELEASE
from tests.fakes.examples import REPOSITORY_ID
from tests.fakes.release_examples import a_release_record
from tests.fakes.template import RESOURCES, TEMPLATE

FUNCTIONS = ("FetchSource", "PackageDags", "ProvisionData", "PromoteRelease", "SweepEnvironments")
KEPT = ("EventBus", "EventBusPolicy", "SourceBucket", "SourceBucketPolicy", "Registry", "PromotionKey")
NOTHING = {"Ref": "AWS::NoValue"}
PROMOTION, ARCHIVE = promoted_archive()


@dataclass(frozen=True)
class Lane:
    """A stack with what the template keeps, and with roles that have its functions' statements about that."""

    emulator: Ministack
    certificates: Certificates
    name: str
    outputs: dict[str, str] = field(default_factory=dict)
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)  # to make one costs more than a test

    def deploy(self, **parameters: str) -> None:
        cloudformation = self.emulator.client("cloudformation")
        stack = {"StackName": f"acme-{self.name}", "Capabilities": ["CAPABILITY_IAM"]}
        asked = {**stack, "TemplateBody": json.dumps(reduced({"Lane": self.name, **parameters}))}
        (cloudformation.update_stack if self.outputs else cloudformation.create_stack)(**asked)

        def described() -> Any:
            return cloudformation.describe_stacks(StackName=stack["StackName"])["Stacks"][0]

        wait_until(
            lambda: described()["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"},
            what=f"the stack of {self.name} stands",
            deadline_seconds=60,
        )
        self.outputs.update({one["OutputKey"]: one["OutputValue"] for one in described()["Outputs"]})

    def client(self, function: str, service: str) -> Any:
        if (function, service) not in self.clients:
            self.clients[function, service] = self._client(function, service)
        return self.clients[function, service]

    def _client(self, function: str, service: str) -> Any:
        sts = self.emulator.client("sts")
        session = sts.assume_role(RoleArn=self.outputs[function], RoleSessionName=function)["Credentials"]
        keys = (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
        opened = cast("Any", boto3.Session(*keys, region_name=REGION))
        return opened.client(service, endpoint_url=self.emulator.endpoint, verify=str(self.certificates.authority))

    @property
    def public_key(self) -> str:
        der = self.emulator.client("kms").get_public_key(KeyId=self.outputs["PromotionKey"])["PublicKey"]
        return load_der_public_key(der).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@dataclass(frozen=True)
class Lanes:
    stage: Lane
    prod: Lane


def reduced(parameters: Mapping[str, str]) -> dict[str, Any]:
    declared = {
        name: {"Type": one["Type"], "Default": parameters.get(name, one.get("Default", "none"))}
        for name, one in TEMPLATE["Parameters"].items()
    }
    is_first = not parameters.get("PromotionPublicKey")
    kept = {name: RESOURCES[name] for name in KEPT}
    outputs = ["SourceBucket", "Registry", *(["PromotionKey"] if is_first else [])]
    return {
        "Parameters": declared,
        "Conditions": TEMPLATE["Conditions"],
        "Resources": kept | {f"{function}Role": role(function) for function in FUNCTIONS},
        "Outputs": {name: {"Value": {"Ref": name}} for name in outputs}
        | {function: {"Value": {"Fn::GetAtt": [f"{function}Role", "Arn"]}} for function in FUNCTIONS},
    }


def role(function: str) -> dict[str, Any]:
    anybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [anybody]},
            "Policies": [
                policy
                for number, one in enumerate(RESOURCES[function]["Properties"]["Policies"])
                if (policy := own_policy(f"own-{number}", one)) != NOTHING
            ],
        },
    }


def own_policy(name: str, policy: Any) -> Any:
    """With the statements about what is kept, and nothing else."""
    if "Fn::If" in policy:
        condition, there, otherwise = policy["Fn::If"]
        own = own_policy(name, there)
        return own if own == NOTHING else {"Fn::If": [condition, own, otherwise]}
    named = ("Registry", "SourceBucket}", "SourceBucket.Arn", "'SourceBucket'", "NextLaneSourceBucketName")
    about = [one for one in policy.get("Statement", []) if any(part in str(one) for part in named)]
    document = {"Version": "2012-10-17", "Statement": about}
    return {"PolicyName": name, "PolicyDocument": document} if about else NOTHING


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Ministack]:
    emulator = Ministack(tmp_path_factory.mktemp("aws"), certificates)
    try:
        emulator.start()
        yield emulator
    finally:
        emulator.stop()


@pytest.fixture(scope="module")
def lanes(emulator: Ministack, certificates: Certificates) -> Lanes:
    """Deployed as docs/deploy.md says it: the first lane, the next one with its key and role, the first one again."""
    lanes = Lanes(Lane(emulator, certificates, "stage"), Lane(emulator, certificates, "prod"))
    lanes.stage.deploy(NextLane="prod", WebhookAccountId=ACCOUNT)
    lanes.prod.deploy(
        PromotionPublicKey=lanes.stage.public_key,
        PromotingRoleArn=lanes.stage.outputs["PromoteRelease"],
        WebhookAccountId=ACCOUNT,
    )
    lanes.stage.deploy(
        NextLane="prod", NextLaneSourceBucketName=lanes.prod.outputs["SourceBucket"], WebhookAccountId=ACCOUNT
    )
    return lanes


def test_a_lane_hands_an_archive_to_the_next_one_which_takes_it_and_announces_it_again(lanes: Lanes) -> None:
    signed = KmsSigner(lanes.stage.client("PromoteRelease", "kms"), lanes.stage.outputs["PromotionKey"]).sign(
        str(PROMOTION)
    )
    bucket = lanes.prod.outputs["SourceBucket"]

    S3NextLane(lanes.stage.client("PromoteRelease", "s3"), bucket).put(signed, PROMOTION.key, ARCHIVE)

    received = S3SourceBucket(lanes.prod.client("PromoteRelease", "s3"), bucket)
    assert PublicKeys(lanes.stage.public_key).verified(received.promotion(PROMOTION.key)) == PROMOTION
    received.announce(PROMOTION.key)
    for function in ("PackageDags", "ProvisionData"):
        archive = S3SourceBucket(lanes.prod.client(function, "s3"), bucket).get(PROMOTION.key, len(ARCHIVE))
        assert archive == ARCHIVE


@pytest.mark.parametrize(
    ("lane", "function"),
    [("prod", function) for function in FUNCTIONS]
    + [("stage", function) for function in FUNCTIONS if function != "PromoteRelease"],
)
def test_nobody_else_signs_what_the_lane_before_promotes(lanes: Lanes, lane: str, function: str) -> None:
    client = getattr(lanes, lane).client(function, "kms")

    with pytest.raises(UpstreamError, match="AccessDenied"):
        KmsSigner(client, lanes.stage.outputs["PromotionKey"]).sign(str(PROMOTION))


@pytest.mark.parametrize(
    ("lane", "function"),
    [("stage", function) for function in FUNCTIONS if function != "PromoteRelease"]
    + [("prod", function) for function in FUNCTIONS if function != "PromoteRelease"],
)
def test_nobody_else_puts_into_a_lane_that_is_promoted_to(lanes: Lanes, lane: str, function: str) -> None:
    bucket = S3SourceBucket(getattr(lanes, lane).client(function, "s3"), lanes.prod.outputs["SourceBucket"])

    with pytest.raises(UpstreamError, match="AccessDenied"):
        bucket.put(PROMOTION.key, ARCHIVE, {})


@pytest.mark.parametrize(
    "act",
    [
        lambda s3, bucket: s3.put_object(Bucket=bucket, Key="elsewhere/release/a", Body=b""),
        lambda s3, bucket: s3.get_object(Bucket=bucket, Key=str(PROMOTION.key)),
        lambda s3, bucket: s3.head_object(Bucket=bucket, Key=str(PROMOTION.key)),
        lambda s3, bucket: s3.list_objects_v2(Bucket=bucket),
        lambda s3, bucket: s3.list_object_versions(Bucket=bucket),
        lambda s3, bucket: s3.delete_object(Bucket=bucket, Key=str(PROMOTION.key)),
        lambda s3, bucket: s3.put_object_acl(Bucket=bucket, Key=str(PROMOTION.key), ACL="public-read"),
        lambda s3, bucket: s3.put_bucket_policy(Bucket=bucket, Policy="{}"),
    ],
    ids=["put_elsewhere", "get", "head", "list", "list_versions", "delete", "acl", "policy"],
)
def test_a_lane_may_put_archives_into_the_next_one_and_nothing_more(
    lanes: Lanes, act: Callable[[Any, str], object]
) -> None:
    with pytest.raises(ClientError) as refused:
        act(lanes.stage.client("PromoteRelease", "s3"), lanes.prod.outputs["SourceBucket"])

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_role_of_a_lane_reads_what_another_has(lanes: Lanes, function: str) -> None:
    for own, other in ((lanes.stage, lanes.prod), (lanes.prod, lanes.stage)):
        with pytest.raises(UpstreamError, match="AccessDenied"):
            S3SourceBucket(own.client(function, "s3"), other.outputs["SourceBucket"]).get(PROMOTION.key, 1)
        with pytest.raises(UpstreamError, match="AccessDenied"):
            DynamoDbRegistry(own.client(function, "dynamodb"), other.outputs["Registry"]).get(REPOSITORY_ID, 0)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_was_done_is_written_by_promote_release_and_changed_by_nobody(lanes: Lanes, function: str) -> None:
    table = lanes.prod.outputs["Registry"]
    client, writer = (lanes.prod.client(one, "dynamodb") for one in (function, "PromoteRelease"))
    DynamoDbAudit(writer, table).append(DEED)
    ledger = DynamoDbReleases(writer, table)
    if ledger.get(REPOSITORY_ID, RELEASE.head_sha) is None:
        ledger.save(RELEASE)

    for key in keys_in(lanes.prod, {audit_key("prod"), ledger_key(REPOSITORY_ID)}):
        with pytest.raises(ClientError, match="AccessDenied"):
            client.delete_item(TableName=table, Key=key)
        with pytest.raises(ClientError, match="AccessDenied"):
            client.update_item(TableName=table, Key=key, UpdateExpression="REMOVE expires_at")
        if function != "PromoteRelease":
            with pytest.raises(ClientError, match="AccessDenied"):
                client.put_item(TableName=table, Item=key)


def test_promote_release_asks_for_commits_and_keeps_their_history(lanes: Lanes) -> None:
    registry = DynamoDbRegistry(lanes.prod.client("PromoteRelease", "dynamodb"), lanes.prod.outputs["Registry"])
    record = a_release_record(lane="prod", name=None, revision=0)

    written = registry.claim(record, ["prod_pipelines"], event="requested")
    registry.update(written, lambda newest: newest, event="looked at")

    assert registry.find("prod", record.repository, record.pull_number) is not None


def keys_in(lane: Lane, partitions: set[str]) -> list[dict[str, Any]]:
    """Of one item in each of these partitions at least."""
    items = lane.emulator.client("dynamodb").scan(TableName=lane.outputs["Registry"])["Items"]
    found = [{"pk": item["pk"], "sk": item["sk"]} for item in items if item["pk"]["S"] in partitions]
    assert {key["pk"]["S"] for key in found} == partitions
    return found
