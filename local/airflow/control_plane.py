"""The AWS API of MWAA as far as dagbranch uses it: CreateCliToken, InvokeRestApi, GetEnvironment.

Shapes, errors and limits are those of botocore's model of ``mwaa``; the actions and resources that IAM sees are
those of AWS's service authorization reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import requests

from local.airflow.http_server import Reply, Request

if TYPE_CHECKING:
    from local.airflow.server import LocalAirflow

type Authorize = Callable[[str, str, str], bool]  # access key id, action, resource ARN

_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=(?P<key_id>[^/]+)/\d{8}/(?P<region>[^/]+)/airflow/aws4_request,")
_ROUTES = {
    ("POST", "clitoken"): "CreateCliToken",
    ("POST", "restapi"): "InvokeRestApi",
    ("GET", "environments"): "GetEnvironment",
}
_METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE")
_PATH_CHARACTERS = 64
_REST_TIMEOUT_SECONDS = 10
_RESPONSE_BYTES = 6 * 1024 * 1024
_WRITING_ROLES = ("Admin", "Op", "User")
_READING_ROLES = ("Viewer",)


@dataclass(frozen=True)
class Environment:
    name: str
    account_id: str
    airflow: LocalAirflow
    bucket: str
    dags_path: str
    web_server: str


@dataclass(frozen=True)
class Caller:
    """Who signed a request, and for which region. The signature itself is not checked."""

    key_id: str
    region: str


class ServiceError(Exception):
    """An error of botocore's model, with the members of its body."""

    def __init__(self, status: int, code: str, body: dict[str, Any]) -> None:
        super().__init__(code)
        self.reply = Reply(status, body, {"x-amzn-ErrorType": code})


class ControlPlane:
    """Answers for one environment; ``authorize`` is asked about every request, None allows all."""

    def __init__(self, environment: Environment, issue_token: Callable[[], str], authorize: Authorize | None) -> None:
        self._environment = environment
        self._issue_token = issue_token
        self._authorize = authorize or (lambda *_: True)
        self._actions = {
            "CreateCliToken": self._create_cli_token,
            "InvokeRestApi": self._invoke_rest_api,
            "GetEnvironment": self._get_environment,
        }

    def answer(self, request: Request) -> Reply:
        try:
            caller = _caller(request)
            action, name = _route(request)
            return Reply(200, self._actions[action](caller, name, request.body))
        except ServiceError as error:
            return error.reply

    def _create_cli_token(self, caller: Caller, name: str, _: bytes) -> dict[str, Any]:
        self._check(caller, "CreateCliToken", self._arn(caller, f"environment/{name}"))
        self._check_exists(name)
        return {"CliToken": self._issue_token(), "WebServerHostname": self._environment.web_server}

    def _get_environment(self, caller: Caller, name: str, _: bytes) -> dict[str, Any]:
        arn = self._arn(caller, f"environment/{name}")
        self._check(caller, "GetEnvironment", arn)
        self._check_exists(name)
        environment = self._environment
        described = {
            "AirflowVersion": environment.airflow.version,
            "Arn": arn,
            "DagS3Path": environment.dags_path,
            "Name": name,
            "SourceBucketArn": f"arn:aws:s3:::{environment.bucket}",
            "Status": "AVAILABLE",
            "WebserverAccessMode": "PUBLIC_ONLY",
            "WebserverUrl": environment.web_server,
        }
        return {"Environment": described}

    def _invoke_rest_api(self, caller: Caller, name: str, body: bytes) -> dict[str, Any]:
        call = _rest_call(body)
        self._check_role(caller, name, call["Method"])
        self._check_exists(name)
        status, content = self._call_airflow(call)
        if status >= 400:
            side = "Client" if status < 500 else "Server"
            raise ServiceError(
                400, f"RestApi{side}Exception", {"RestApiStatusCode": status, "RestApiResponse": content}
            )
        return {"RestApiStatusCode": status, "RestApiResponse": content}

    def _call_airflow(self, call: dict[str, Any]) -> tuple[int, Any]:
        """The model has no error for a call that takes too long or answers too much: both are the server's fault."""
        rest = self._environment.airflow.rest
        try:
            status, content = rest.call(
                call["Method"], call["Path"], call.get("QueryParameters"), call.get("Body"), _REST_TIMEOUT_SECONDS
            )
        except requests.Timeout:
            return 504, {"detail": f"no answer within {_REST_TIMEOUT_SECONDS} s"}
        except requests.ConnectionError as error:
            return 503, {"detail": f"the web server cannot be reached: {error}"}
        if len(json.dumps(content)) > _RESPONSE_BYTES:
            return 500, {"detail": f"the response has more than {_RESPONSE_BYTES} bytes"}
        return status, content

    def _check_role(self, caller: Caller, name: str, method: str) -> None:
        """InvokeRestApi is granted per Airflow role; a role that only reads is enough for a GET."""
        roles = (*_WRITING_ROLES, *_READING_ROLES) if method == "GET" else _WRITING_ROLES
        arns = [self._arn(caller, f"role/{name}/{role}") for role in roles]
        if not any(self._authorize(caller.key_id, "airflow:InvokeRestApi", arn) for arn in arns):
            raise _access_denied(caller, "InvokeRestApi", arns[0])

    def _check(self, caller: Caller, action: str, arn: str) -> None:
        if not self._authorize(caller.key_id, f"airflow:{action}", arn):
            raise _access_denied(caller, action, arn)

    def _check_exists(self, name: str) -> None:
        if name != self._environment.name:
            raise ServiceError(404, "ResourceNotFoundException", {"message": f"Environment {name} not found"})

    def _arn(self, caller: Caller, resource: str) -> str:
        return f"arn:aws:airflow:{caller.region}:{self._environment.account_id}:{resource}"


def _caller(request: Request) -> Caller:
    found = _CREDENTIAL.match(request.headers.get("Authorization", ""))
    if not found:
        raise ServiceError(403, "MissingAuthenticationTokenException", {"message": "Missing Authentication Token"})
    return Caller(found["key_id"], found["region"])


def _route(request: Request) -> tuple[str, str]:
    kind, _, name = urlsplit(request.path).path.strip("/").partition("/")
    action = _ROUTES.get((request.method, kind))
    if not action or not name:
        raise ServiceError(404, "UnknownOperationException", {"message": f"{request.method} {request.path}"})
    return action, unquote(name)


def _rest_call(body: bytes) -> dict[str, Any]:
    """The members of InvokeRestApiRequest within the model's limits."""
    call: dict[str, Any] = json.loads(body or b"{}")
    path, method = call.get("Path", ""), call.get("Method")
    if not 1 <= len(path) <= _PATH_CHARACTERS:
        raise _invalid(f"Path must have 1 to {_PATH_CHARACTERS} characters, it has {len(path)}")
    if not path.startswith("/"):
        raise _invalid(f"Path must start with a slash: {path}")
    if method not in _METHODS:
        raise _invalid(f"Method must be one of {', '.join(_METHODS)}, not {method}")
    return call


def _invalid(message: str) -> ServiceError:
    return ServiceError(400, "ValidationException", {"message": message})


def _access_denied(caller: Caller, action: str, arn: str) -> ServiceError:
    message = f"User: {caller.key_id} is not authorized to perform: airflow:{action} on resource: {arn}"
    return ServiceError(403, "AccessDeniedException", {"Message": message})
