from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from dagbranch.domain.environments import Status
from dagbranch.domain.leases import with_lease
from dagbranch.domain.life_cycle import with_changes
from dagbranch.domain.naming import CANARY, RELEASE, SourceArchiveKey
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.requests import ArchiveUploaded
from dagbranch.domain.source_archive import Limits
from dagbranch.errors import InvalidEventError, NotYetError, SupersededError, TransientUpstreamError, UpstreamError
from dagbranch.use_cases.package_dags import Runtime
from tests.fakes.buckets import stored
from tests.fakes.examples import (
    DAG,
    DATA_FILE,
    FILES,
    FIRST,
    NOW,
    REPOSITORY,
    SECOND,
    THIRD,
    a_pull_request,
    an_environment,
    nothing,
)
from tests.fakes.release_examples import a_promotion
from tests.fakes.wheels import a_wheel, pin, wheel_name
from tests.fakes.world import RUNTIME, World

HOLIDAYS = a_wheel("holidays")
REQUIRING = {
    **FILES,
    "dagbranch.yaml": b"version: 1\nrequirements: requirements.txt\n",
    "requirements.txt": pin("holidays", "1.0", HOLIDAYS).encode(),
    f".dagbranch/wheels/{wheel_name('holidays')}": HOLIDAYS,
}

FILES_WITH_JOBS = {
    **FILES,
    "dagbranch.yaml": b"version: 1\nartifacts:\n  jobs: spark\n",
    "spark/clean.py": b"print('clean')\n",
}


@pytest.fixture
def requested(world: World) -> World:
    world.registry.claim(an_environment(name=None, revision=0), ["feature1"], event="")
    return world


def put_anew(world: World, before: dict[str, int]) -> set[str]:
    return {key for key, one in world.dags.objects.items() if before.get(key) != one.serial}


def configuration(world: World) -> dict[str, Any]:
    """The newest beside the zip."""
    written = [one for key, one in world.dags.objects.items() if key.startswith("feature1/.dagbranch/")]
    found: dict[str, Any] = json.loads(max(written, key=lambda one: one.serial).content)
    return found


def serials(world: World) -> dict[str, int]:
    return {key: one.serial for key, one in world.dags.objects.items()}


def ask_for(world: World, head_sha: str) -> None:
    """The registry asks for another commit."""
    world.registry.update(
        world.environment,
        lambda newest: replace(newest, head_sha=head_sha, generation=newest.generation + 1, status=Status.REQUESTED),
        event="",
    )


def test_a_first_deploy_puts_copy_configuration_and_zip_and_says_so(requested: World) -> None:
    upload = requested.upload(FILES)

    requested.package(upload)

    digest = upload.key.rpartition("/")[2].removesuffix(".zip")
    assert set(requested.dags.objects) == {
        "feature1.zip",
        "feature1/.airflowignore",
        f"feature1/.dagbranch/{digest}.json",
        "feature1/qu/common.py",
        "feature1/qu/main/rows.sql",
        "feature1/qu/main/test_dag.py",
    }
    assert all(
        one.marker.items() >= marker_of(requested.environment).items() for one in requested.dags.objects.values()
    )
    environment = requested.environment
    assert environment.pipeline is not None
    assert (environment.status, environment.source_digest) == (Status.DEPLOYING, digest)
    assert (environment.pipeline.source_digest, environment.pipeline.head_sha) == (digest, FIRST)
    assert environment.leases == {}
    ((kind, detail),) = requested.bus.published
    assert (kind, detail["data"]["files_put"], detail["source_digest"]) == ("Packaged", 4, digest)
    assert "RequestToPackaged" in requested.telemetry.timed


def test_the_configuration_names_the_commit_and_no_more_than_the_dags_may_know(requested: World) -> None:
    requested.package(requested.upload(FILES))

    found = configuration(requested)
    assert found["head_sha"] == FIRST
    assert found["environment"] == "feature1"
    assert found["pull_number"] == 1
    assert found["settings"]["schedules"] is False


def test_what_somebody_asked_of_the_schedules_counts_and_puts_the_same_zip_again(requested: World) -> None:
    upload = requested.upload(FILES)
    requested.package(upload)
    before = serials(requested)["feature1.zip"]

    requested.registry.update(requested.environment, lambda newest: replace(newest, schedules=True), event="")
    requested.package(upload)
    again = serials(requested)["feature1.zip"]
    requested.package(upload)

    assert configuration(requested)["settings"]["schedules"] is True
    assert before < again == serials(requested)["feature1.zip"]


def test_the_copy_and_the_configuration_come_before_the_zip(requested: World) -> None:
    requested.package(requested.upload(FILES))

    zip_serial = requested.dags.objects["feature1.zip"].serial
    assert all(one.serial <= zip_serial for one in requested.dags.objects.values())


def test_a_change_of_one_file_puts_that_file_and_the_zip(requested: World) -> None:
    requested.package(requested.upload(FILES))
    before = serials(requested)
    ask_for(requested, SECOND)

    requested.package(requested.upload({**FILES, "dags/qu/common.py": b"LIMIT = 2\n"}, SECOND))

    new = {key for key in put_anew(requested, before) if "/.dagbranch/" not in key}
    assert new == {"feature1/qu/common.py", "feature1.zip"}
    assert requested.bus.published[-1][1]["data"]["files_put"] == 1


def test_what_a_commit_drops_leaves_the_copy_and_the_last_configuration_stays(requested: World) -> None:
    requested.package(requested.upload(FILES))
    ask_for(requested, SECOND)
    requested.package(requested.upload({"dags/qu/main/test_dag.py": DAG}, SECOND))

    assert "feature1/qu/common.py" not in requested.dags.objects
    assert len([key for key in requested.dags.objects if "/.dagbranch/" in key]) == 2

    ask_for(requested, FIRST)
    requested.package(requested.upload({"dags/new.py": DAG}))
    assert len([key for key in requested.dags.objects if "/.dagbranch/" in key]) == 2


def test_the_same_content_in_a_new_commit_puts_nothing_and_keeps_the_tags_commit(requested: World) -> None:
    requested.package(requested.upload(FILES))
    before = serials(requested)
    ask_for(requested, SECOND)

    requested.package(requested.upload(FILES, SECOND))

    assert serials(requested) == before
    environment = requested.environment
    assert environment.pipeline is not None
    assert (environment.pipeline.head_sha, environment.pipeline.generation) == (FIRST, 2)
    assert requested.bus.published[-1][1]["data"]["unchanged"] is True


def test_job_code_is_put_under_our_marker_and_the_configuration_says_where(requested: World) -> None:
    requested.package(requested.upload(FILES_WITH_JOBS))

    ((key, job),) = requested.artifacts.objects.items()
    assert key.endswith("/jobs/clean.py")
    assert job.marker == marker_of(requested.environment)
    assert job.serial < requested.dags.objects["feature1.zip"].serial
    uri = f"s3://acme-artifacts/{key.removesuffix('/clean.py')}"
    assert configuration(requested)["artifacts"] == {"jobs": uri}
    assert requested.bus.published[-1][1]["data"]["artifacts"] == {"jobs": uri}


def test_job_code_that_did_not_change_keeps_its_place_and_is_not_put_again(requested: World) -> None:
    requested.package(requested.upload(FILES_WITH_JOBS))
    before = dict(requested.artifacts.objects)
    ask_for(requested, SECOND)

    requested.package(requested.upload({**FILES_WITH_JOBS, "dags/new.py": DAG}, SECOND))

    assert requested.artifacts.objects == before


def test_job_code_stays_as_long_as_a_task_of_the_last_commit_may_read_it(requested: World) -> None:
    commits = [{**FILES_WITH_JOBS, "spark/clean.py": content} for content in (b"1", b"2", b"3")]
    for files, head_sha in zip(commits, (FIRST, SECOND, THIRD), strict=True):
        ask_for(requested, head_sha)
        requested.package(requested.upload(files, head_sha))

    assert {one.content for one in requested.artifacts.objects.values()} == {b"2", b"3"}


def test_job_code_that_no_commit_declares_any_more_leaves_after_the_last_one_that_did(requested: World) -> None:
    requested.package(requested.upload(FILES_WITH_JOBS))
    for files, head_sha, left in ((FILES, SECOND, 1), ({**FILES, "dags/new.py": DAG}, THIRD, 0)):
        ask_for(requested, head_sha)

        requested.package(requested.upload(files, head_sha))

        assert len(requested.artifacts.objects) == left


def test_job_code_of_somebody_elses_is_left_alone(requested: World) -> None:
    theirs = {"artifacts/feature1/d1/jobs/old.py": stored(b"", {})}
    requested.artifacts.objects.update(theirs)

    requested.package(requested.upload(FILES_WITH_JOBS))

    assert theirs.items() <= requested.artifacts.objects.items()


def test_a_folder_of_job_code_that_is_not_there_fails_with_its_line_and_puts_nothing(requested: World) -> None:
    requested.package(requested.upload({**FILES, "dagbranch.yaml": FILES_WITH_JOBS["dagbranch.yaml"]}))

    assert requested.environment.status == Status.FAILED
    assert requested.environment.message.startswith("dagbranch.yaml:3: artifacts.jobs: the folder 'spark'")
    assert not requested.dags.objects


def test_without_a_copy_only_what_hides_the_folder_stands_beside_the_zip(requested: World) -> None:
    requested.package(requested.upload(FILES))
    ask_for(requested, SECOND)

    requested.package(requested.upload({**FILES, "dagbranch.yaml": b"version: 1\ncopy: never\n"}, SECOND))

    keys = {key for key in requested.dags.objects if "/.dagbranch/" not in key}
    assert keys == {"feature1.zip", "feature1/.airflowignore"}
    ask_for(requested, THIRD)
    requested.package(requested.upload(FILES, THIRD))
    assert "feature1/qu/common.py" in requested.dags.objects


def test_a_newer_dagbranch_puts_the_same_content_again(requested: World) -> None:
    upload = requested.upload(FILES)
    requested.package(upload)
    before = serials(requested)

    requested.package(upload, runtime=Runtime("0.2.0", {**RUNTIME.modules, "new.py": b"\n"}))

    assert "feature1.zip" in put_anew(requested, before)
    with zipfile.ZipFile(io.BytesIO(requested.dags.objects["feature1.zip"].content)) as packaged:
        assert "_dagbranch/new.py" in packaged.namelist()


def test_a_newer_request_that_comes_while_the_copy_is_put_keeps_the_zip_as_it_was(requested: World) -> None:
    requested.dags.meanwhile = lambda: ask_for(requested, SECOND)

    with pytest.raises(SupersededError):
        requested.package(requested.upload(FILES))

    assert "feature1.zip" not in requested.dags.objects
    assert requested.environment.leases == {}
    assert not requested.bus.published


def test_a_closed_pull_request_that_comes_while_the_copy_is_put_keeps_the_zip_away(requested: World) -> None:
    def close() -> None:
        requested.registry.update(
            requested.environment,
            lambda newest: replace(newest, status=Status.REMOVING, generation=newest.generation + 1),
            event="",
        )

    requested.dags.meanwhile = close

    with pytest.raises(SupersededError):
        requested.package(requested.upload(FILES))

    assert "feature1.zip" not in requested.dags.objects


def test_a_broken_commit_that_was_superseded_gives_its_lease_back(requested: World) -> None:
    upload = requested.upload({"dags/readme.txt": b"no DAG here"})
    requested.sources.meanwhile = lambda: ask_for(requested, SECOND)

    with pytest.raises(SupersededError):
        requested.package(upload)

    assert requested.environment.leases == {}
    assert requested.environment.status == Status.REQUESTED


def test_a_zip_that_is_not_ours_is_left_alone_and_the_environment_fails(requested: World) -> None:
    requested.dags.put_zip("feature1", b"somebody's", {}, replaces=None)

    requested.package(requested.upload(FILES))

    assert requested.dags.objects["feature1.zip"].content == b"somebody's"
    assert set(requested.dags.objects) == {"feature1.zip"}
    assert requested.environment.status == Status.FAILED
    assert "feature1.zip is in the dags folder and is not of this pull request" in requested.environment.message
    assert requested.bus.kinds == ["Failed"]


def test_a_repository_without_dags_fails_with_a_message_and_puts_nothing(requested: World) -> None:
    requested.package(requested.upload({"dags/readme.txt": b"none"}))

    assert requested.environment.status == Status.FAILED
    assert "no DAG module" in requested.environment.message
    assert requested.environment.leases == {}
    assert not requested.dags.objects


def test_the_files_of_the_wheels_are_packaged_and_the_wheels_are_not(requested: World) -> None:
    requested.package(requested.upload(REQUIRING))

    with zipfile.ZipFile(io.BytesIO(requested.dags.zip_content("feature1"))) as archive:
        assert archive.read("_src/.requirements/holidays.py") == b"VERSION = '1.0'\n"
        names = archive.namelist()
    assert "feature1/.requirements/holidays.py" in requested.dags.objects
    assert not any(path.endswith(".whl") for path in [*names, *requested.dags.objects])


def test_a_wheel_that_is_not_what_the_file_says_fails_whoever_uploaded_it(requested: World) -> None:
    tampered = {**REQUIRING, f".dagbranch/wheels/{wheel_name('holidays')}": a_wheel("holidays", files={"x.py": b""})}

    requested.package(requested.upload(tampered))

    assert requested.environment.status == Status.FAILED
    assert "has none of the hashes of holidays==1.0" in requested.environment.message
    assert not requested.dags.objects


def test_an_archive_whose_bytes_are_not_what_its_key_says_fails(requested: World) -> None:
    upload = requested.upload(FILES)
    requested.sources.objects[upload.key] = replace(requested.sources.objects[upload.key], content=b"something else")

    requested.package(upload)

    assert requested.environment.status == Status.FAILED
    assert "its key says" in requested.environment.message


def test_an_archive_above_the_limits_fails(requested: World) -> None:
    upload = requested.upload(FILES)
    requested.limits = Limits(size_bytes=20)

    requested.package(upload)

    assert requested.environment.status == Status.FAILED


def test_an_archive_that_comes_before_its_request_is_asked_about_again_for_a_while(world: World) -> None:
    upload = world.upload(FILES)
    with pytest.raises(NotYetError):
        world.package(upload)

    world.clock.forward(16 * 60)
    with pytest.raises(SupersededError):
        world.package(upload)


def test_an_archive_of_an_older_commit_is_superseded(requested: World) -> None:
    upload = requested.upload(FILES)
    requested.clock.forward(1)
    requested.github.open(a_pull_request(head_sha=SECOND), FILES)
    requested.fetch()

    with pytest.raises(SupersededError):
        requested.package(upload)


def test_a_half_that_another_worker_is_at_is_waited_for_until_its_lease_ends(requested: World) -> None:
    upload = requested.upload(FILES)
    requested.registry.update(
        requested.environment, lambda newest: with_lease(newest, "pipeline", "another", NOW, 120), event=""
    )

    with pytest.raises(NotYetError):
        requested.package(upload)
    requested.clock.forward(121)
    requested.package(upload)

    assert requested.environment.pipeline is not None


def test_where_the_time_is_nearly_up_nothing_is_begun_and_the_next_worker_does_it(requested: World) -> None:
    upload = requested.upload(FILES)
    requested.sources.meanwhile = lambda: requested.clock.forward(110)

    with pytest.raises(NotYetError, match="time is up"):
        requested.package(upload)
    left = (dict(requested.dags.objects), requested.environment.leases)
    requested.sources.meanwhile = nothing
    requested.package(upload)

    assert left == ({}, {})
    assert "feature1.zip" in requested.dags.objects


def test_a_fault_that_passes_gives_the_lease_back_and_the_next_attempt_finishes(requested: World) -> None:
    upload = requested.upload(FILES)

    def fail() -> None:
        requested.dags.meanwhile = lambda: None
        raise TransientUpstreamError("S3 is away")

    requested.dags.meanwhile = fail
    with pytest.raises(TransientUpstreamError):
        requested.package(upload)

    assert requested.environment.leases == {}
    requested.package(upload, worker="another")
    assert "feature1.zip" in requested.dags.objects


def test_what_an_upstream_refuses_for_good_is_told_and_not_tried_again(requested: World) -> None:
    upload = requested.upload(FILES)

    def refuse() -> None:
        raise UpstreamError("putting dags/feature1.zip: AWS answered AccessDenied")

    requested.dags.meanwhile = refuse
    requested.package(upload)

    assert requested.environment.status == Status.FAILED
    assert "AccessDenied" in requested.environment.message
    assert requested.environment.leases == {}


def test_what_aws_refuses_for_good_ends_as_failed_and_is_tried_again_with_the_next_request(requested: World) -> None:
    upload = requested.upload(FILES)

    def refuse() -> None:
        raise UpstreamError("putting feature1.zip: AWS answered AccessDenied")

    requested.dags.meanwhile = refuse
    requested.package(upload)

    assert requested.environment.status == Status.FAILED
    assert "AccessDenied" in requested.environment.message
    assert requested.environment.leases == {}
    requested.dags.meanwhile = lambda: None
    requested.package(upload)
    assert requested.environment.pipeline is not None


def test_an_archive_that_is_gone_is_no_failure_of_the_environment(requested: World) -> None:
    upload = requested.upload(FILES)
    requested.sources.objects.clear()

    with pytest.raises(SupersededError):
        requested.package(upload)

    assert requested.environment.status == Status.REQUESTED


def test_an_upload_elsewhere_is_no_request(world: World) -> None:
    with pytest.raises(InvalidEventError):
        world.package(ArchiveUploaded("sources/acme/pipelines/readme.txt", NOW))


# Selection

TWO = {
    "dags/a.py": DAG.replace(b"qu.test_dag", b"qu.a"),
    "dags/b.py": DAG.replace(b"qu.test_dag", b"qu.b"),
    "dagbranch.yaml": b"version: 1\nselect: changed\n",
}


def told_to_change(world: World, upload: ArchiveUploaded, *paths: str) -> ArchiveUploaded:
    """The registry knows what the pull request changes in this archive."""
    digest = SourceArchiveKey.parse(upload.key).source_digest
    generation = world.environment.generation
    world.registry.update(world.environment, lambda newest: with_changes(newest, generation, digest, paths), event="")
    return upload


def configured(world: World) -> dict[str, Any]:
    key = max(
        (key for key in world.dags.objects if "/.dagbranch/" in key), key=lambda key: world.dags.objects[key].serial
    )
    found: dict[str, Any] = json.loads(world.dags.objects[key].content)
    return found


def test_the_configuration_names_the_modules_that_the_pull_request_touches(requested: World) -> None:
    requested.package(told_to_change(requested, requested.upload(TWO), "dags/b.py"))

    assert configured(requested)["selected"] == ["b.py"]
    data = requested.bus.published[-1][1]["data"]
    assert (data["modules"], data["selected"]) == (2, 1)


def test_an_archive_that_nobody_told_the_changes_of_shows_all(requested: World) -> None:
    told_to_change(requested, requested.upload({**TWO, "dags/c.sql": b""}), "dags/b.py")

    requested.package(requested.upload(TWO))

    assert configured(requested)["selected"] is None
    assert requested.bus.published[-1][1]["data"]["selected"] == 2


def test_the_zip_is_the_same_whatever_is_selected(requested: World) -> None:
    upload = requested.upload(TWO)
    requested.package(upload)
    before = requested.dags.objects["feature1.zip"].content

    requested.package(told_to_change(requested, upload, "dags/b.py"))

    assert requested.dags.objects["feature1.zip"].content == before


def test_a_commit_that_selects_others_of_the_same_content_is_put_again(requested: World) -> None:
    requested.package(told_to_change(requested, requested.upload(TWO), "dags/b.py"))
    before = serials(requested)
    ask_for(requested, SECOND)

    requested.package(told_to_change(requested, requested.upload(TWO, SECOND), "dags/a.py"))

    assert {key for key in put_anew(requested, before) if "/.dagbranch/" not in key} == {"feature1.zip"}
    assert (configured(requested)["selected"], configured(requested)["head_sha"]) == (["a.py"], SECOND)
    assert requested.environment.pipeline is not None
    assert requested.environment.pipeline.head_sha == SECOND


def test_a_commit_that_selects_the_same_of_the_same_content_puts_nothing(requested: World) -> None:
    requested.package(told_to_change(requested, requested.upload(TWO), "dags/b.py"))
    before = serials(requested)
    ask_for(requested, SECOND)

    requested.package(told_to_change(requested, requested.upload(TWO, SECOND), "dags/b.py"))

    assert serials(requested) == before
    data = requested.bus.published[-1][1]["data"]
    assert (data["unchanged"], data["modules"], data["selected"]) == (True, 2, 1)


def test_a_worker_that_was_overtaken_leaves_the_configuration_of_the_same_content_alone(requested: World) -> None:
    upload = told_to_change(requested, requested.upload(TWO), "dags/b.py")
    requested.package(upload)
    before = serials(requested)
    requested.registry.update(requested.environment, lambda newest: replace(newest, changed_paths=None), event="")
    requested.dags.meanwhile = lambda: ask_for(requested, SECOND)

    with pytest.raises(SupersededError):
        requested.package(upload)

    assert not [key for key in put_anew(requested, before) if "/.dagbranch/" in key]


def test_a_name_that_is_no_module_fails_and_says_so(requested: World) -> None:
    requested.package(requested.upload({**TWO, "dagbranch.yaml": b"version: 1\nselect: [c.py]\n"}))

    assert requested.environment.status == Status.FAILED
    assert "select: no DAG module is called 'c.py'" in requested.environment.message


def test_what_the_selection_could_not_follow_is_among_the_warnings(requested: World) -> None:
    trigger = b"from airflow import DAG\nDAG('qu.a')\nTriggerDagRunOperator(trigger_dag_id=find())\n"

    requested.package(told_to_change(requested, requested.upload({**TWO, "dags/a.py": trigger}), "dags/a.py"))

    (warning,) = requested.bus.published[-1][1]["data"]["warnings"]
    assert warning.startswith("dags/a.py:3:")


# Release lanes


PROD_FILE = b"version: 1\nlanes: {prod: {src_conn: live, retries: 3, alerts: '#qu', promotion: {soak: 2h}}}\n"


@pytest.fixture
def prod() -> World:
    return World("prod")


def deployed(world: World, upload: ArchiveUploaded) -> None:
    world.provision(upload)
    world.package(upload)


def told(world: World, environment: str) -> dict[str, Any]:
    (written,) = (one for key, one in world.dags.objects.items() if key.startswith(f"{environment}/.dagbranch/"))
    found: dict[str, Any] = json.loads(written.content)
    return found


def zip_made(files: dict[str, bytes]) -> str:
    """Its SHA-256, as another lane noted it."""
    stage = World("stage")
    deployed(stage, stage.ask_for_release(files))
    half = stage.record().pipeline
    assert half is not None
    assert half.zip_sha256 is not None
    return half.zip_sha256


def test_in_a_release_lane_the_zip_is_put_after_the_data_stands(prod: World) -> None:
    upload = prod.ask_for_release(FILES)

    with pytest.raises(NotYetError, match="the data of prod_pipelines comes before"):
        prod.package(upload)
    assert not prod.dags.objects

    deployed(prod, upload)
    half = prod.record().pipeline
    assert half is not None
    assert prod.record().halves_agree
    assert half.zip_sha256 == hashlib.sha256(prod.dags.objects["prod_pipelines.zip"].content).hexdigest()
    assert half.version == RUNTIME.version


def test_data_of_an_older_request_is_not_waited_for_in_vain(prod: World) -> None:
    deployed(prod, prod.ask_for_release(FILES))
    again = prod.ask_for_release(FILES, rolls_back=True)

    with pytest.raises(NotYetError):
        prod.package(again)
    deployed(prod, again)

    assert prod.record().halves_agree


def test_tables_that_are_still_being_filled_keep_the_zip_back() -> None:
    stage = World("stage")
    file = DATA_FILE + b"lanes: {stage: {source_suffix: _test, table_suffix: _stage}}\n"
    upload = stage.ask_for_release({**FILES, "dagbranch.yaml": file})
    stage.provision(upload)

    with pytest.raises(NotYetError):
        stage.package(upload)
    stage.fill()
    stage.package(upload)

    assert stage.record().halves_agree


def test_where_the_data_failed_the_zip_is_waited_for_no_longer_than_an_early_archive(prod: World) -> None:
    upload = prod.ask_for_release(FILES)
    prod.registry.update(prod.record(), lambda newest: replace(newest, status=Status.FAILED), event="")

    with pytest.raises(NotYetError):
        prod.package(upload)
    prod.clock.forward(900)
    with pytest.raises(SupersededError, match="has failed: its zip is left as it is"):
        prod.package(upload)


def test_dags_of_a_release_are_told_their_lane_and_keep_their_ids(prod: World) -> None:
    deployed(prod, prod.ask_for_release({**FILES, "dagbranch.yaml": PROD_FILE}))

    configuration = told(prod, "prod_pipelines")
    assert (configuration["lane"], configuration["ids"], configuration["pull_number"]) == ("prod", None, RELEASE)
    assert configuration["settings"] == {
        "src_conn": "live",
        "retries": 3,
        "alerts": "#qu",
        "shared_assets": [],
        "schedules": True,
        "as_written": False,
    }


def test_a_canary_is_told_its_own_ids_and_that_nothing_starts_it(prod: World) -> None:
    deployed(prod, prod.ask_for_release({**FILES, "dagbranch.yaml": PROD_FILE}))
    deployed(prod, prod.ask_for_release({**FILES, "dagbranch.yaml": PROD_FILE}, CANARY, head_sha=SECOND))

    canary = told(prod, "prod_pipelines_next")
    assert (canary["ids"], canary["settings"]["schedules"], canary["settings"]["as_written"]) == ("next", False, False)
    assert told(prod, "prod_pipelines")["ids"] is None
    both = (prod.dags.objects[f"{name}.zip"].content for name in ("prod_pipelines", "prod_pipelines_next"))
    assert len(set(both)) == 1


def test_every_lane_makes_the_same_zip_of_one_archive(prod: World) -> None:
    promotion = a_promotion(zip_sha256=zip_made(FILES))

    deployed(prod, prod.ask_for_release(FILES, promotion=promotion))

    half = prod.record().pipeline
    assert half is not None
    assert half.zip_sha256 == promotion.zip_sha256


def test_another_zip_than_the_promoted_one_is_not_put_and_both_versions_are_named(prod: World) -> None:
    promotion = a_promotion(zip_sha256=zip_made(FILES))
    upload = prod.ask_for_release(FILES, promotion=promotion)
    prod.provision(upload)

    prod.package(upload, runtime=Runtime("0.2.0", RUNTIME.modules))

    assert prod.record().status == Status.FAILED
    assert "with dagbranch 0.1.0, and prod makes" in prod.record().message
    assert "with dagbranch 0.2.0: run the same version in both lanes" in prod.record().message
    assert not prod.dags.objects


def test_what_somebody_changed_in_a_release_lane_is_put_again_whatever_its_metadata_says(prod: World) -> None:
    deployed(prod, prod.ask_for_release(FILES))
    as_put = {key: one.content for key, one in prod.dags.objects.items()}
    for key, one in list(prod.dags.objects.items()):
        prod.dags.objects[key] = stored(one.content + b" ", one.marker)

    deployed(prod, prod.ask_for_release(FILES, rolls_back=True))

    assert {key: one.content for key, one in prod.dags.objects.items()} == as_put


def test_a_zip_that_stands_and_is_not_the_promoted_one_is_told_too(prod: World) -> None:
    deployed(prod, prod.ask_for_release(FILES))
    before = serials(prod)

    deployed(prod, prod.ask_for_release(FILES, promotion=a_promotion()))

    assert prod.record().status == Status.FAILED
    assert serials(prod) == before


def test_the_way_back_is_open_after_dagbranch_itself_was_updated(prod: World) -> None:
    promotion = a_promotion(zip_sha256=zip_made(FILES))
    upload = prod.ask_for_release(FILES, promotion=promotion, rolls_back=True)
    prod.provision(upload)

    prod.package(upload, runtime=Runtime("0.2.0", RUNTIME.modules))

    half = prod.record().pipeline
    assert half is not None
    assert half.version == "0.2.0"
    assert "stage made the zip" in half.message


def test_no_other_archive_of_the_commit_is_deployed(prod: World) -> None:
    prod.ask_for_release(FILES)
    key = SourceArchiveKey(REPOSITORY, RELEASE, FIRST, "f" * 64)

    with pytest.raises(SupersededError, match="another archive"):
        prod.package(ArchiveUploaded(str(key), NOW))


def test_where_a_workflow_uploads_the_first_sound_archive_is_the_asked_one() -> None:
    stage = World("stage")
    upload = stage.ask_for_release(FILES)
    stage.registry.update(
        stage.record(), lambda newest: replace(newest, asked_digest=None, takes_uploads=True), event=""
    )
    broken = SourceArchiveKey(REPOSITORY, RELEASE, FIRST, "f" * 64)
    stage.sources.put(broken, b"no zip", {})

    stage.provision(ArchiveUploaded(str(broken), NOW))
    refused = stage.record()
    deployed(stage, upload)

    assert (refused.status, refused.asked_digest) == (Status.FAILED, None)
    assert stage.record().asked_digest == SourceArchiveKey.parse(upload.key).source_digest
    assert stage.record().halves_agree


def test_a_previews_half_says_which_zip_it_is(requested: World) -> None:
    upload = requested.upload(FILES)
    requested.package(upload)
    first = requested.environment.pipeline
    requested.package(upload)

    assert first is not None
    assert requested.environment.pipeline is not None
    assert first.zip_sha256 == requested.environment.pipeline.zip_sha256 == zip_made(FILES)
