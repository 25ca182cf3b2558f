"""Deployments and their statuses as the REST API shows them."""

from __future__ import annotations

from typing import Any

from local.github.feedback import DeploymentRecord, DeploymentStatusRecord
from local.github.payloads.accounts import node_id
from local.github.payloads.apps import account, performed_via
from local.github.payloads.urls import Urls, time_text
from local.github.state import HostedRepository, State


def deployment(urls: Urls, state: State, hosted: HostedRepository, record: DeploymentRecord) -> dict[str, Any]:
    repository_api = urls.repository(hosted.record.full_name)
    history = hosted.feedback.history_of(record.id)
    return {
        "url": f"{repository_api}/deployments/{record.id}",
        "id": record.id,
        "node_id": node_id("Deployment", record.id),
        "sha": record.sha,
        "ref": record.ref,
        "task": record.task,
        "payload": record.payload,
        "original_environment": record.environment,
        "environment": hosted.feedback.view_of(record).environment,
        "description": record.description,
        "creator": account(urls, record.creator),
        "created_at": time_text(record.created_at),
        "updated_at": time_text(history[0].created_at if history else record.created_at),
        "statuses_url": f"{repository_api}/deployments/{record.id}/statuses",
        "repository_url": repository_api,
        "transient_environment": record.transient_environment,
        "production_environment": record.production_environment,
        "performed_via_github_app": performed_via(urls, state, record.creator),
    }


def deployment_status(
    urls: Urls, state: State, hosted: HostedRepository, record: DeploymentStatusRecord
) -> dict[str, Any]:
    repository_api = urls.repository(hosted.record.full_name)
    api = f"{repository_api}/deployments/{record.deployment_id}"
    return {
        "url": f"{api}/statuses/{record.id}",
        "id": record.id,
        "node_id": node_id("DeploymentStatus", record.id),
        "state": record.state,
        "creator": account(urls, record.creator),
        "description": record.description,
        "environment": record.environment,
        "target_url": record.log_url,
        "created_at": time_text(record.created_at),
        "updated_at": time_text(record.created_at),
        "deployment_url": api,
        "repository_url": repository_api,
        "environment_url": record.environment_url,
        "log_url": record.log_url,
        "performed_via_github_app": performed_via(urls, state, record.creator),
    }
