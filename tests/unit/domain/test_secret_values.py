from __future__ import annotations

import base64
import json
import re
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.errors import InvalidPipelineFileError

LETTERS_AND_DIGITS = string.ascii_letters + string.digits
WORDS = st.from_regex(r"[a-z]{2,9}([_-][a-z0-9]{2,9}){0,3}", fullmatch=True)
ORDINARY_KEYS = st.sampled_from(
    [
        "src_conn",
        "dst_conn",
        "bucket",
        "alerts",
        "owner",
        "warehouse_id",
        "cluster_id",
        "commit",
        "note",
        "secret_name",
        "secret_arn",
        "token_id",
        "kms_key",
        "partition_key",
        "sort_keys",
        "token_ttl",
        "auth",
        "tokens",
    ]
)
ORDINARY_VALUES = st.one_of(
    WORDS,
    WORDS.map(lambda word: f"{word}-123456789012-eu-central-1"),
    WORDS.map(lambda word: f"s3://{word}/year=2026/part-00000.parquet"),
    WORDS.map(lambda word: f"https://{word}.example.com:8443/a/b?c=d"),
    WORDS.map(lambda word: f"{word}+alerts@example.com"),
    WORDS.map(lambda word: f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{word}-AbCdEf"),
    WORDS.map(lambda word: f"postgres://{word}@db.example.com:5432/{word}"),
    WORDS.map(lambda word: "postgres://" + word + ":${PASSWORD}@db.example.com/x"),
    st.uuids().map(str),
    st.uuids().map(lambda uuid: uuid.hex),
    st.binary(min_size=20, max_size=20).map(bytes.hex),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    st.dates().map(str),
    st.integers(),
    st.booleans(),
)


def of(alphabet: str, length: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=length, max_size=length)


def after(prefix: str, rest: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return rest.map(lambda text: prefix + text)


def base64url(length: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=length, max_size=length).map(lambda some: base64.urlsafe_b64encode(some).decode())


KNOWN_FORMS = st.one_of(
    after("AKIA", of(string.ascii_uppercase + string.digits, 16)),
    after("ASIA", of(string.ascii_uppercase + string.digits, 16)),
    st.sampled_from(["ghp_", "gho_", "ghs_", "ghu_", "ghr_"]).flatmap(
        lambda prefix: after(prefix, of(LETTERS_AND_DIGITS, 36))
    ),
    after("github_pat_", of(LETTERS_AND_DIGITS, 22)).flatmap(
        lambda start: after(f"{start}_", of(LETTERS_AND_DIGITS, 59))
    ),
    after("glpat-", of(LETTERS_AND_DIGITS, 20)),
    after("dapi", of("0123456789abcdef", 32)),
    after("xoxb-", of(string.digits, 12)).flatmap(lambda start: after(f"{start}-", of(LETTERS_AND_DIGITS, 24))),
    after("https://hooks.slack.com/services/T00000000/B00000000/", of(LETTERS_AND_DIGITS, 24)),
    after("https://discord.com/api/webhooks/123456789/", of(LETTERS_AND_DIGITS, 68)),
    after("AIza", of(LETTERS_AND_DIGITS, 35)),
    after("sk_live_", of(LETTERS_AND_DIGITS, 24)),
    after("npm_", of(LETTERS_AND_DIGITS, 36)),
    after("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.", base64url(32)),
    after("-----BEGIN RSA PRIVATE KEY-----\n", base64url(48)),
    after("-----BEGIN OPENSSH PRIVATE KEY-----\n", base64url(48)),
    after("DefaultEndpointsProtocol=https;AccountKey=", of(LETTERS_AND_DIGITS, 86)),
    of(LETTERS_AND_DIGITS, 12).map(lambda password: f"postgres://me:{password}7@db.example.com:5432/x"),
    of(LETTERS_AND_DIGITS, 12).map(lambda password: f"jdbc:x://db.example.com/a;user=me;password={password}7"),
)
SECRET_KEYS = st.sampled_from(
    [
        "password",
        "db_password",
        "DB_PASSWORD",
        "dbPassword",
        "api-key",
        "apiKey",
        "slack_token",
        "client_secret",
        "secret",
        "token_prod",
        "encryption_key",
        "private_key",
        "credentials",
        "password_2",
    ]
)


def refusal(lane: str, key: str, value: object) -> str | None:
    text = json.dumps({"version": 1, "lanes": {lane: {key: value}}}, indent=1)
    try:
        parse_pipeline_file(text.encode())
    except InvalidPipelineFileError as error:
        return str(error)
    return None


@given(st.sampled_from(["preview", "stage", "prod"]), ORDINARY_KEYS, KNOWN_FORMS)
def test_a_known_form_of_secret_is_refused_under_every_key_with_its_place_and_without_its_value(
    lane: str, key: str, value: str
) -> None:
    told = refusal(lane, key, value)

    assert told is not None
    assert re.match(rf"dagbranch\.yaml:5: lanes\.{lane}\.{key}: looks like a secret", told)
    assert value[-12:] not in told


@given(st.sampled_from(["see ", "key=", '"', "Bearer ", "\n"]), KNOWN_FORMS)
def test_a_secret_is_found_in_the_midst_of_a_text(before: str, value: str) -> None:
    assert refusal("prod", "note", f"{before}{value} and more") is not None


@given(SECRET_KEYS, st.one_of(of(LETTERS_AND_DIGITS, 10), WORDS, st.integers()))
def test_whatever_a_key_calls_a_password_or_a_token_is_refused(key: str, value: str | int) -> None:
    told = refusal("stage", key, value)

    assert told is not None
    assert f"lanes.stage.{key}: looks like a secret" in told


@given(
    st.sampled_from(["key", "auth", "sas", "my_key", "hmac_key", "auth_header"]),
    of(LETTERS_AND_DIGITS, 40).filter(lambda text: len(set(text)) > 20 and not text.isalpha()),
)
def test_what_nobody_would_think_of_is_refused_under_a_key_that_is_near_to_one(key: str, value: str) -> None:
    assert refusal("prod", key, value) is not None


@pytest.mark.slow
@settings(max_examples=200)
@given(ORDINARY_KEYS, ORDINARY_VALUES)
def test_connections_buckets_ids_commits_and_addresses_are_no_secrets(key: str, value: object) -> None:
    assert "secret" not in (refusal("prod", key, value) or "").replace(key, "")


@pytest.mark.parametrize(
    "value",
    [
        "sk-data-platform-production-eu-central-1",
        "s3://task-results/eyJhbGci/x",
        "AKIAS",
        "https://hooks.slack.com/services",
        "https://example.com/a:b@c",
        "jdbc:databricks://dbc-a1b2c3d4-e5f6.cloud.databricks.com:443;httpPath=/sql/1.0/warehouses/abc123;AuthMech=3",
        "host=db.example.com password=${PASSWORD}",
        "0 6 * * 1-5",
        "dapi",
        "-----BEGIN CERTIFICATE-----",
        "{environment}-pool",
    ],
)
def test_what_only_begins_like_a_secret_is_none(value: str) -> None:
    assert refusal("prod", "note", value) is None


@pytest.mark.parametrize(
    "value",
    [
        "sk-proj-0123456789abcdefghijABCDEFGHIJ_-0123",
        "SG.0123456789abcdefghij.0123456789abcdefghijABCDEFGHIJ0123456789",
        "hvs.CAESI0123456789abcdefghij",
        "https://example.blob.core.windows.net/x?sv=2026&sig=0123456789abcdefghij%2B",
        "https://acme.webhook.office.com/webhookb2/0d1c@0d1c/IncomingWebhook/0d1c",
        "host=db.example.com user=me password=hunter2",
        "mongodb+srv://me:hunter2@cluster0.example.net/x",
        "AIzaSyA0123456789abcdefghijABCDEFGHIJ01",
    ],
)
def test_more_forms_of_secrets_are_refused(value: str) -> None:
    assert refusal("prod", "note", value) is not None


@pytest.mark.parametrize(
    "value",
    [
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:warehouse-AbCdEf",
        "{{ var.value.warehouse_password }}",
        "${WAREHOUSE_PASSWORD}",
        "secretsmanager:prod/warehouse",
        "ssm:/prod/warehouse/password",
        "/prod/warehouse/password",
        "",
        None,
        True,
    ],
)
def test_a_reference_to_a_secret_is_none(value: object) -> None:
    assert refusal("prod", "password", value) is None


def test_a_reference_that_holds_a_token_is_refused() -> None:
    assert refusal("prod", "token", "/prod/warehouse/kJ8s7Hq2LmP0zXcV5bN4") is not None


@pytest.mark.parametrize("name", ["one_token_per_customer", "password", "api_key"])
def test_the_name_of_a_data_check_gives_nothing_away(name: str) -> None:
    promotion = {"data_checks": {name: "SELECT * FROM db.m WHERE url LIKE '%://%:%@%' AND pwd = old_pwd"}}

    assert refusal("prod", "promotion", promotion) is None


def test_a_secret_in_a_data_check_is_refused_by_its_place() -> None:
    promotion = {
        "data_checks": {"fresh": "SELECT * FROM db.m WHERE token = 'ghp_0123456789abcdefABCDEF0123456789abcd'"}
    }

    told = refusal("prod", "promotion", promotion)

    assert told is not None
    assert "lanes.prod.promotion.data_checks.fresh: looks like a secret, a token of GitHub" in told
    assert "ghp_" not in told


def test_a_secret_in_a_place_of_another_form_is_not_repeated_by_that_forms_message() -> None:
    told = refusal("prod", "table_suffix", "-dapi0123456789abcdef0123456789abcdef")

    assert told is not None
    assert "dapi" not in told


def test_a_list_of_names_is_looked_through_too() -> None:
    told = refusal("prod", "shared_assets", ["plain", "https://me:hunter2@example.com/x"])

    assert told is not None
    assert "lanes.prod.shared_assets[1]: looks like a secret, a URL with a password" in told


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["eyJ-", "://a:", "://a:{", "A", "pwd=", ";pwd={", "-----BEGIN ", "token_", "host=a "])
def test_a_long_text_is_read_in_no_time(unit: str) -> None:
    text = unit * (100_000 // len(unit))

    began = time.process_time()
    refusal("prod", "note", text)

    assert time.process_time() - began < 5
