from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from dagbranch import settings
from dagbranch.domain.access import Access
from dagbranch.domain.policy import Policy
from dagbranch.domain.source_allowance import SourceAllowance
from dagbranch.errors import ConfigurationError
from dagbranch.settings import (
    FetchSourceSettings,
    PromoteReleaseSettings,
    ProvisionDataSettings,
    RemoveEnvironmentSettings,
    ReportStatusSettings,
    Settings,
    SweepEnvironmentsSettings,
    load,
)
from tests.fakes.settings import COMPLETE

CLASSES = [one for name, one in vars(settings).items() if name.endswith("Settings") and not name.startswith("_")]
FUNCTIONS = [one for one in CLASSES if one is not Settings]


@pytest.mark.parametrize("settings_class", FUNCTIONS)
def test_a_complete_environment_gives_every_functions_settings(settings_class: type[Settings]) -> None:
    assert load(settings_class, COMPLETE)


def test_repositories_are_a_set_in_lower_case_and_limits_are_bytes() -> None:
    loaded = load(FetchSourceSettings, COMPLETE)

    assert loaded.allowed_repositories == {"acme/pipelines", "acme/other"}
    assert (loaded.limits.files, loaded.limits.size_bytes) == (100, 20_000_000)


@pytest.mark.parametrize("url", ["", "default", "https://index.example/simple/", "http://127.0.0.1:8080/simple"])
def test_the_package_index_is_the_usual_one_an_address_or_none(url: str) -> None:
    assert load(FetchSourceSettings, {**COMPLETE, "PACKAGE_INDEX_URL": url}).package_index_url == url


@pytest.mark.parametrize(
    "url", ["https://token@index.example/simple", "https://u:p@index.example/", "index.example", "file:///x"]
)
def test_the_package_index_holds_no_credential(url: str) -> None:
    with pytest.raises(ConfigurationError, match="PACKAGE_INDEX_URL"):
        load(FetchSourceSettings, {**COMPLETE, "PACKAGE_INDEX_URL": url})


@pytest.mark.parametrize("settings_class", FUNCTIONS)
def test_no_setting_has_a_default(settings_class: type[Settings]) -> None:
    with pytest.raises(ConfigurationError) as error:
        load(settings_class, {})

    for name in settings_class.model_fields:
        assert f"{name.upper()}: Field required" in str(error.value)


def test_all_that_is_missing_or_malformed_is_told_at_once() -> None:
    environ = {**COMPLETE, "LANE": "production", "REMOVAL_SETTLE_SECONDS": "soon", "DAGS_BUCKET": "  "}
    del environ["QUEUE_URL"]

    with pytest.raises(ConfigurationError) as error:
        load(RemoveEnvironmentSettings, environ)

    told = str(error.value)
    assert told.startswith("RemoveEnvironmentSettings: ")
    assert all(name in told for name in ("LANE", "REMOVAL_SETTLE_SECONDS", "DAGS_BUCKET", "QUEUE_URL"))
    assert "DAGS_PATH" not in told


@pytest.mark.parametrize("name", [field.upper() for field in FetchSourceSettings.model_fields])
def test_no_value_is_ever_told(name: str) -> None:
    secret = "ghp_made-up and misplaced"
    with pytest.raises(ConfigurationError) as error:
        load(FetchSourceSettings, {**COMPLETE, "MOST_FILES": "x", name: secret})

    assert secret not in str(error.value)
    assert error.value.__suppress_context__


@pytest.mark.parametrize("value", ["", " , ", "acme", "acme/pipelines,acme/../x", "https://github.com/acme/pipelines"])
def test_a_list_of_repositories_has_owners_and_names(value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"ALLOWED_REPOSITORIES: .*owner/name"):
        load(FetchSourceSettings, {**COMPLETE, "ALLOWED_REPOSITORIES": value})


def test_what_may_be_read_and_who_may_use_it_are_lists() -> None:
    stack = load(ProvisionDataSettings, COMPLETE).data_stack

    assert stack.allows("acme/pipelines") == SourceAllowance(frozenset(), frozenset({"_test"}))
    assert stack.allows("Acme/Other").suffixes == {"_sandbox"}
    assert stack.access == Access(readers=("analysts", "Data Team"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("READABLE_CATALOGS", "not a repository=main"),
        ("READABLE_SOURCE_SUFFIXES", "acme/pipelines="),
        ("READER_PRINCIPALS", "a`b"),
        ("WRITER_PRINCIPALS", "a\nb"),
    ],
)
def test_a_malformed_list_of_what_may_be_read_or_who_may_use_it_is_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        load(ProvisionDataSettings, {**COMPLETE, name: value})


@pytest.mark.parametrize(("name", "value"), [("MOST_FILES", "0"), ("MOST_MEGABYTES", "-1"), ("MOST_FILES", "1.5")])
def test_limits_are_whole_and_positive(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        load(FetchSourceSettings, {**COMPLETE, name: value})


@pytest.mark.parametrize(
    ("artifacts", "dags"), [("dags", "dags"), ("dags/artifacts", "dags"), ("airflow", "airflow/dags")]
)
def test_artifacts_lie_apart_from_the_dags_of_the_same_bucket(artifacts: str, dags: str) -> None:
    environ = {**COMPLETE, "ARTIFACTS_PATH": artifacts, "DAGS_PATH": dags}

    with pytest.raises(ConfigurationError, match=r"ARTIFACTS_PATH: .*DAGS_PATH"):
        load(RemoveEnvironmentSettings, environ)

    assert load(RemoveEnvironmentSettings, {**environ, "ARTIFACTS_BUCKET": "another"})
    assert load(RemoveEnvironmentSettings, {**environ, "ARTIFACTS_PATH": f"{dags}-artifacts"})


def test_nothing_waits_or_expires_where_limits_are_0() -> None:
    unlimited = {"EXPIRE_AFTER_DAYS": "0", "KEEP_LABEL": "", "MOST_ENVIRONMENTS": "0", "MOST_DAGS": "0"}

    policy = load(FetchSourceSettings, {**COMPLETE, **unlimited}).policy

    assert policy == Policy()
    assert not policy.is_limited


@pytest.mark.parametrize("settings_class", [FetchSourceSettings, RemoveEnvironmentSettings, SweepEnvironmentsSettings])
def test_the_policy_is_what_the_stacks_owner_says_in_every_function_that_decides(
    settings_class: type[FetchSourceSettings | RemoveEnvironmentSettings | SweepEnvironmentsSettings],
) -> None:
    said = {"EXPIRE_AFTER_DAYS": "3", "MOST_ENVIRONMENTS": "50", "MOST_DAGS": "250", "INTAKE": "paused"}

    policy = load(settings_class, {**COMPLETE, **said}).policy

    assert policy == Policy(timedelta(days=3), "keep-environment", 50, 250, is_paused=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EXPIRE_AFTER_DAYS", "-1"),
        ("EXPIRE_AFTER_DAYS", "two weeks"),
        ("EXPIRE_AFTER_DAYS", "1000000000000"),
        ("MOST_ENVIRONMENTS", "-5"),
        ("MOST_DAGS", "1.5"),
        ("INTAKE", "closed"),
        ("AIRFLOW_DOOR", "ssh"),
    ],
)
def test_a_malformed_policy_or_door_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        load(RemoveEnvironmentSettings, {**COMPLETE, name: value})


def test_pushes_settle_for_seconds_and_for_none_where_that_is_said() -> None:
    assert load(FetchSourceSettings, COMPLETE).push_settle == timedelta(seconds=20)
    assert load(FetchSourceSettings, {**COMPLETE, "PUSH_SETTLE_SECONDS": "0"}).push_settle == timedelta()


@pytest.mark.parametrize(
    ("settings_class", "name", "value"),
    [
        (FetchSourceSettings, "PUSH_SETTLE_SECONDS", "-1"),
        (FetchSourceSettings, "PUSH_SETTLE_SECONDS", "3600"),
        (ReportStatusSettings, "DEPLOYMENTS", "yes"),
    ],
)
def test_malformed_settings_of_what_is_told_and_when_are_named(
    settings_class: type[Settings], name: str, value: str
) -> None:
    with pytest.raises(ConfigurationError, match=name):
        load(settings_class, {**COMPLETE, name: value})


KEY = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE" + "a" * 86 + "=="
PEM = f"-----BEGIN PUBLIC KEY-----\n{KEY[:64]}\n{KEY[64:]}\n-----END PUBLIC KEY-----"


@pytest.mark.parametrize(
    "given", [KEY, f"{KEY}\n", PEM, f"{PEM}\n", PEM.replace("\n", " "), f"{PEM}{PEM}", f"{KEY},{PEM}"]
)
def test_a_public_key_is_read_in_whichever_form_it_was_printed(given: str) -> None:
    loaded = load(PromoteReleaseSettings, {**COMPLETE, "PROMOTION_PUBLIC_KEY": given})

    assert loaded.promotion_public_key == PEM
    assert not loaded.lane_rules["first_release_lane"]


def test_several_public_keys_are_several() -> None:
    other = KEY.replace("aaaa", "bbbb")

    loaded = load(PromoteReleaseSettings, {**COMPLETE, "PROMOTION_PUBLIC_KEY": f"{KEY},{other}"})

    assert loaded.promotion_public_key.count("BEGIN PUBLIC KEY") == 2


def test_a_lane_that_nothing_is_promoted_to_is_the_first() -> None:
    assert load(PromoteReleaseSettings, COMPLETE).lane_rules["first_release_lane"]


def test_a_last_lane_has_neither_a_next_one_nor_a_key_to_sign_with() -> None:
    last = {"LANE": "prod", "NEXT_LANE": "", "NEXT_LANE_SOURCE_BUCKET": "", "PROMOTION_KEY": ""}

    assert load(PromoteReleaseSettings, {**COMPLETE, **last}).lane_rules["next_lane"] is None


def test_releasers_are_known_in_any_case() -> None:
    assert load(PromoteReleaseSettings, COMPLETE).releasers == {"dana", "release-train[bot]"}
    assert load(PromoteReleaseSettings, {**COMPLETE, "RELEASERS": " "}).releasers == frozenset()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROMOTION_PUBLIC_KEY", KEY[:-3]),
        ("PROMOTION_PUBLIC_KEY", PEM.replace("PUBLIC", "PRIVATE")),
        ("PROMOTION_PUBLIC_KEY", "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"),
        ("RELEASERS", "dana, acme/team"),
        ("NEXT_LANE", "production"),
        ("NEXT_LANE", "preview"),
    ],
)
def test_malformed_settings_of_releases_are_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        load(PromoteReleaseSettings, {**COMPLETE, name: value})


def test_settings_cannot_be_changed() -> None:
    loaded: Any = load(FetchSourceSettings, COMPLETE)

    with pytest.raises(ValidationError):
        loaded.lane = "stage"
