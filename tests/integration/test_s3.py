"""The buckets on S3 (moto), versioned as MWAA demands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest
from moto import mock_aws
from moto.s3.models import s3_backends

from dagbranch.adapters.s3 import S3ArtifactsBucket, S3DagsBucket, S3SourceBucket
from dagbranch.domain.ownership import marker_of
from dagbranch.errors import TransientUpstreamError, UpstreamError
from tests.fakes.contracts.buckets import (
    CHANGED_JOBS,
    JOBS,
    OURS,
    ArtifactsBucketContract,
    DagsBucketContract,
    PutByHand,
    SourceBucketContract,
)
from tests.fakes.examples import FILES, an_archive, an_environment

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DAGS, SOURCES, ARTIFACTS = "acme-mwaa", "acme-sources", "acme-artifacts"
ACCOUNT = "123456789012"  # moto's only one
REGION: Final = "eu-central-1"


@pytest.fixture(scope="module")
def service() -> Iterator[S3Client]:
    """One client for all: to make one costs more than a test."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", "made-up")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        yield boto3.client("s3", region_name=REGION)


@pytest.fixture
def client(service: S3Client) -> S3Client:
    """The buckets, empty."""
    s3_backends[ACCOUNT]["aws"].reset()
    for bucket in (DAGS, SOURCES, ARTIFACTS):
        service.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        service.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return service


@pytest.fixture
def sources(client: S3Client) -> S3SourceBucket:
    return S3SourceBucket(client, SOURCES)


@pytest.fixture
def dags(client: S3Client) -> S3DagsBucket:
    return S3DagsBucket(client, DAGS, "some/dags")


@pytest.fixture
def artifacts(client: S3Client) -> S3ArtifactsBucket:
    return S3ArtifactsBucket(client, ARTIFACTS, "some/artifacts")


@pytest.fixture
def put_by_hand(client: S3Client) -> PutByHand:
    return lambda key, content: client.put_object(Bucket=DAGS, Key=f"some/dags/{key}", Body=content)


def versions(client: S3Client, bucket: str) -> list[tuple[str, str]]:
    """Every version and delete marker that is left, by key."""
    listed: Any = client.list_object_versions(Bucket=bucket)
    return [(one["Key"], kind) for kind in ("Versions", "DeleteMarkers") for one in listed.get(kind, [])]


class TestS3SourceBucket(SourceBucketContract):
    pass


class TestS3DagsBucket(DagsBucketContract):
    pass


class TestS3ArtifactsBucket(ArtifactsBucketContract):
    @pytest.fixture
    def put_by_hand(self, client: S3Client) -> PutByHand:
        return lambda key, content: client.put_object(Bucket=ARTIFACTS, Key=f"some/artifacts/{key}", Body=content)


def test_keys_lie_below_the_path_of_the_mwaa_environment(client: S3Client, dags: S3DagsBucket) -> None:
    dags.put_copy("feature1", {"qu/a.py": b""}, {}, OURS)
    dags.put_configuration("feature1", "d1", b"{}", OURS)
    dags.put_zip("feature1", b"zip", OURS, replaces=None)

    assert {entry["Key"] for entry in client.list_objects_v2(Bucket=DAGS)["Contents"]} == {
        "some/dags/feature1.zip",
        "some/dags/feature1/.dagbranch/copy.json",
        "some/dags/feature1/.dagbranch/d1.json",
        "some/dags/feature1/qu/a.py",
    }


def test_no_version_of_ours_is_left_after_a_removal(client: S3Client, dags: S3DagsBucket) -> None:
    for content in (b"1", b"2"):
        dags.put_copy("feature1", {"a": content, "b": content}, {}, OURS)
        dags.put_zip("feature1", content, OURS, replaces=dags.zip("feature1"))
    dags.drop_copied("feature1", ["b"], OURS, keep_configurations=[])
    assert len(versions(client, DAGS)) > 7

    dags.remove_zip("feature1", OURS)
    dags.remove_copy("feature1", OURS)

    assert versions(client, DAGS) == []


def test_no_version_of_a_source_archive_is_left_after_a_removal(client: S3Client, sources: S3SourceBucket) -> None:
    key, archive = an_archive(FILES)
    sources.put(key, archive, OURS)
    sources.put(key, archive, OURS)
    client.delete_object(Bucket=SOURCES, Key=str(key))

    assert sources.remove(key.repository, key.pull_number) == 2

    assert versions(client, SOURCES) == []


def test_what_somebody_had_under_the_name_before_stays_as_it_was(client: S3Client, dags: S3DagsBucket) -> None:
    client.put_object(Bucket=DAGS, Key="some/dags/feature1.zip", Body=b"theirs")
    client.delete_object(Bucket=DAGS, Key="some/dags/feature1.zip")
    before = versions(client, DAGS)
    dags.put_zip("feature1", b"ours", OURS, replaces=None)

    dags.remove_zip("feature1", OURS)

    assert ("some/dags/feature1.zip", "Versions") in versions(client, DAGS)
    assert set(before) <= set(versions(client, DAGS))
    assert dags.zip("feature1") is None


def test_a_zip_of_a_longer_name_is_none_of_ours(client: S3Client, dags: S3DagsBucket) -> None:
    for key in ("some/dags/feature1.zip.bak", "some/dags/feature1.zipped"):
        client.put_object(Bucket=DAGS, Key=key, Body=b"theirs")
        client.delete_object(Bucket=DAGS, Key=key)
        client.put_object(Bucket=DAGS, Key=key, Body=b"theirs")
    before = versions(client, DAGS)
    dags.put_zip("feature1", b"ours", OURS, replaces=None)

    dags.remove_zip("feature1", OURS)

    assert versions(client, DAGS) == before


def test_more_objects_than_one_request_takes_are_removed_whole(client: S3Client, sources: S3SourceBucket) -> None:
    key, archive = an_archive({})
    for number in range(1_001):  # past the wire, where each would cost 40 ms
        s3_backends[ACCOUNT]["aws"].put_object(SOURCES, f"sources/acme/pipelines/pull/1/{number}", archive)

    assert sources.remove(key.repository, key.pull_number) == 1_001
    assert versions(client, SOURCES) == []


def test_a_bucket_that_is_not_there_is_refused_for_good(client: S3Client) -> None:
    elsewhere = S3DagsBucket(client, "no-such-bucket", "dags")

    with pytest.raises(UpstreamError, match="NoSuchBucket") as error:
        elsewhere.put_zip("feature1", b"", OURS, replaces=None)
    assert not isinstance(error.value, TransientUpstreamError)


def test_the_marker_is_the_objects_metadata(client: S3Client, dags: S3DagsBucket) -> None:
    dags.put_copy("feature1", {"a": b""}, {}, marker_of(an_environment()))

    assert client.head_object(Bucket=DAGS, Key="some/dags/feature1/a")["Metadata"] == {
        "dagbranch-lane": "preview",
        "dagbranch-repository-id": "4711",
        "dagbranch-pull-number": "1",
    }


def test_no_version_of_dropped_job_code_is_left(client: S3Client, artifacts: S3ArtifactsBucket) -> None:
    artifacts.put("feature1", JOBS, OURS)
    client.delete_object(Bucket=ARTIFACTS, Key="some/artifacts/feature1/d1/jobs/main.py")
    artifacts.put("feature1", JOBS, OURS)
    changed = artifacts.put("feature1", CHANGED_JOBS, OURS)

    artifacts.drop("feature1", OURS, keep=[changed])
    assert versions(client, ARTIFACTS) == [("some/artifacts/feature1/d2/jobs/main.py", "Versions")]

    artifacts.drop("feature1", OURS)
    assert versions(client, ARTIFACTS) == []


def test_job_code_that_did_not_change_is_not_put_again(client: S3Client, artifacts: S3ArtifactsBucket) -> None:
    uri = artifacts.put("feature1", JOBS, OURS)
    before = versions(client, ARTIFACTS)

    assert artifacts.put("feature1", JOBS, OURS) == uri

    assert versions(client, ARTIFACTS) == before


def test_job_code_lies_below_its_path_with_environment_digest_and_name(
    client: S3Client, artifacts: S3ArtifactsBucket
) -> None:
    uri = artifacts.put("feature1", CHANGED_JOBS, OURS)

    assert uri == f"s3://{ARTIFACTS}/some/artifacts/feature1/d2/jobs"
    (found,) = client.list_objects_v2(Bucket=ARTIFACTS)["Contents"]
    assert found["Key"] == "some/artifacts/feature1/d2/jobs/main.py"
    assert client.head_object(Bucket=ARTIFACTS, Key=found["Key"])["Metadata"] == OURS


def test_of_a_thousand_known_environments_none_is_asked_for_by_itself(client: S3Client, dags: S3DagsBucket) -> None:
    names = [f"feature{number}" for number in range(1_000)]
    for name in names:  # past the wire, where each would cost 40 ms
        for key in (f"some/dags/{name}.zip", f"some/dags/{name}/qu/a.py"):
            s3_backends[ACCOUNT]["aws"].put_object(DAGS, key, b"")
    dags.put_zip("stray", b"zip", OURS, replaces=None)
    requests: list[str] = []
    client.meta.events.register("before-call.s3", lambda model, **_: requests.append(model.name), unique_id="counted")

    found = dags.standing(names)

    client.meta.events.unregister("before-call.s3", unique_id="counted")
    assert len(found) == 1_001
    assert sorted(requests) == ["HeadObject", "ListObjectsV2", "ListObjectsV2", "ListObjectsV2"]


@pytest.mark.parametrize("call", ["left", "remove_copy", "standing"])
def test_an_empty_answer_is_no_empty_list(client: S3Client, call: str) -> None:
    emptied = boto3.client("s3", region_name=REGION)
    emptied.meta.events.register("before-parse.s3", lambda response_dict, **_: response_dict.update(body=b""))
    client.put_object(Bucket=DAGS, Key="some/dags/feature1/a", Body=b"")
    dags: Any = S3DagsBucket(emptied, DAGS, "some/dags")

    with pytest.raises(TransientUpstreamError):
        {
            "left": lambda: dags.left("feature1"),
            "remove_copy": lambda: dags.remove_copy("feature1", OURS),
            "standing": lambda: dags.standing(()),
        }[call]()
