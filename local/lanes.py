"""Release lanes in one emulator: stage and prod, each a stack with its own Airflow, bucket, secrets and roles.

They are deployed as docs/deploy.md says: stage; prod, which has to know its key and role; and stage again, which is
told of prod's bucket and bus. The webhook is stage's.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.airflow.configuration import Line
from local.aws import DeployedStack
from local.aws.ministack import ACCOUNT
from local.certificates import Certificates
from local.lane import Intervals, Lane, Names, Secrets
from local.parts import Parts, app_secret, at_once, shared_parts
from local.stack import LocalStack, stack_of
from local.warehouse.process import LocalWarehouse

STAGE, PROD = "stage", "prod"


@dataclass(frozen=True)
class LocalLanes:
    stage: LocalStack
    prod: LocalStack

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must appear in no log of either."""
        return tuple({*self.stage.secrets, *self.prod.secrets})


@contextmanager
def local_lanes(
    folder: Path,
    *,
    allowed_repositories: str,
    parameters: Mapping[str, Mapping[str, str]] | None = None,
    line: Line = "3",
    intervals: Intervals | None = None,
    certificates: Certificates | None = None,
    warehouse: LocalWarehouse | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[LocalLanes]:
    """Starts both inside ``folder`` and ends both; the folder stays, for its logs. ``parameters`` are by lane."""
    shared = shared_parts(
        folder,
        allowed_repositories=allowed_repositories,
        certificates=certificates,
        warehouse=warehouse,
        progress=progress,
    )
    with shared as parts, ExitStack() as running:
        texts = _secrets(parts)
        lanes = {
            name: Lane(parts, _names(name), texts[name], folder=folder / name, line=line, intervals=intervals)
            for name in texts
        }
        wanted = {
            name: {"AllowedRepositories": allowed_repositories, **(parameters or {}).get(name, {})} for name in lanes
        }
        progress(f"starting Airflow {lanes[STAGE].airflow.version} twice; sam deploy, three times")
        (stage, prod), *_ = at_once(
            lambda: _deployed(parts, lanes, wanted),
            *(lambda lane=lane: running.enter_context(lane.airflow) for lane in lanes.values()),
        )
        for lane in lanes.values():
            running.enter_context(lane.mwaa)
        parts.send_webhooks_to(stage)
        yield LocalLanes(stack_of(parts, lanes[STAGE], stage), stack_of(parts, lanes[PROD], prod))


def _names(lane: str) -> Names:
    return Names(f"dagbranch-{lane}", environment=lane, dags_bucket=f"{lane}-mwaa", connection=f"warehouse_{lane}")


def _secrets(parts: Parts) -> dict[str, Secrets]:
    """No text is in both lanes: a second key of the App, the other way into the warehouse, no webhook's secret."""
    assert parts.app is not None
    second_key = parts.app.new_key()
    return {
        STAGE: Secrets(parts.webhook_secret, parts.github_secret, parts.warehouse.client_credentials),
        PROD: Secrets(secrets.token_hex(20), app_secret(parts.app, second_key), parts.warehouse.token),
    }


def _deployed(
    parts: Parts, lanes: Mapping[str, Lane], wanted: Mapping[str, Mapping[str, str]]
) -> tuple[DeployedStack, DeployedStack]:
    begun = {**wanted[STAGE], "Lane": STAGE, "NextLane": PROD}
    stage = lanes[STAGE].deploy(begun)
    prod = lanes[PROD].deploy({**wanted[PROD], "Lane": PROD, "Ingress": "none", **_trust(parts, stage)})
    target = {
        "NextLaneSourceBucketName": prod.outputs["SourceBucketName"],
        "ProdBusArn": prod.outputs["EventBusArn"],
    }
    return lanes[STAGE].deploy({**begun, **target}), prod


def _trust(parts: Parts, stage: DeployedStack) -> dict[str, str]:
    """What prod believes: stage's signature and role, and the events of the account that has the webhook."""
    key = parts.aws.client("kms").get_public_key(KeyId=stage.outputs["PromotionKeyId"])["PublicKey"]
    return {
        "PromotionPublicKey": b64encode(key).decode(),
        "PromotingRoleArn": stage.outputs["PromoteReleaseRoleArn"],
        "WebhookAccountId": ACCOUNT,
    }
