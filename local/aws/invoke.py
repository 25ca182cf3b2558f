"""``python -m local.aws.invoke FUNCTION EVENT.json``: runs one function of the template once, in the sandbox.

It does without docker what ``sam local invoke`` does with it: the template is built and deployed into a fresh
emulator, the function gets the event through the Lambda API, and its answer and its log are printed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local.aws.building import cached_build
from local.aws.deployed import InvocationResult
from local.aws.stack import LocalAws
from local.aws.template import read_template, template_functions, template_parameters
from local.certificates import make_certificates
from local.toolchain import ROOT

EVENTS_WEBHOOK_SECRET = "It's a Secret to Everybody"  # signs events/receive_webhook/*.json
_NOBODY = "127.0.0.1:9"  # what the local stack has not got, here: GitHub, Airflow, the warehouse
_DAGS_BUCKET = "previews-mwaa"
_PARAMETERS = {
    "AllowedRepositories": "Codertocat/Hello-World",  # the repository of the events
    "GitHubApiUrl": f"https://{_NOBODY}",
    "MwaaEnvironmentName": "previews",
    "DagsBucketName": _DAGS_BUCKET,
    "DatabricksHost": _NOBODY,
    "DatabricksHttpPath": "/sql/1.0/warehouses/nobody",
}
_SECRETS = {
    "WebhookSecretArn": EVENTS_WEBHOOK_SECRET,
    "GitHubTokenSecretArn": "made-up-github-token",
    "DatabricksTokenSecretArn": "made-up-databricks-token",
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parsed(arguments)
    function = _logical_id(options.template, options.function)
    event = json.loads(options.event.read_text())
    build = cached_build(options.template)
    with tempfile.TemporaryDirectory(prefix="invoke-") as folder:
        certificates = make_certificates(Path(folder, "certificates"))
        environment = {"AWS_ENDPOINT_URL_MWAA": f"http://{_NOBODY}", **dict(options.environment)}
        aws = LocalAws(Path(folder), certificates, function_environment=environment)
        try:
            aws.start()
            stand_ins = _stand_ins(aws, template_parameters(options.template))
            parameters = {**stand_ins, **_lane_of(options.template, function), **dict(options.parameter)}
            deployed = aws.deploy(build, stack_name="invoke", parameters=parameters)
            result = deployed.invoke(function, event)
        finally:
            aws.stop()
        _print(result, deployed.logs / f"{function}.log")
    return 0 if result.ok else 1


def _logical_id(template: Path, function: str) -> str:
    """The logical id of a function that is named by it or by its folder; exits with the choice there is."""
    logical_ids = template_functions(template)
    if function in logical_ids.values():
        return function
    if function not in logical_ids:
        raise SystemExit(f"{template.name} has no function {function}; it has {', '.join(sorted(logical_ids))}")
    return logical_ids[function]


def _lane_of(template: Path, logical_id: str) -> dict[str, str]:
    """A lane that has the function, where the template's own one has not."""
    condition = read_template(template)["Resources"][logical_id].get("Condition")
    return {"Lane": "stage", "NextLane": "prod"} if condition == "IsRelease" else {}


def _stand_ins(aws: LocalAws, wanted: Sequence[str]) -> dict[str, str]:
    """Values for the template's parameters with which it deploys, and with which nothing outside is reached."""
    s3, secrets = aws.client("s3"), aws.client("secretsmanager")
    if "DagsBucketName" in wanted:
        s3.create_bucket(Bucket=_DAGS_BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})
    made = {
        parameter: secrets.create_secret(Name=parameter, SecretString=text)["ARN"]
        for parameter, text in _SECRETS.items()
        if parameter in wanted
    }
    return made | {parameter: value for parameter, value in _PARAMETERS.items() if parameter in wanted}


def _print(result: InvocationResult, log: Path) -> None:
    """The answer on standard output, so that it can be piped; the log on standard error."""
    if log.exists():
        print(log.read_text(), file=sys.stderr, end="", flush=True)
    print(json.dumps(result.payload, indent=2, ensure_ascii=False))


def _parsed(arguments: Sequence[str] | None) -> Any:
    parser = argparse.ArgumentParser(prog="python -m local.aws.invoke", description=__doc__.partition("\n")[0])
    parser.add_argument("function", metavar="FUNCTION", help="its folder, or its logical id in the template")
    parser.add_argument("event", metavar="EVENT.json", type=Path)
    parser.add_argument("--parameter", metavar="K=V", type=_pair, action="append", default=[], help="of the template")
    parser.add_argument("--environment", metavar="K=V", type=_pair, action="append", default=[], help="of the function")
    parser.add_argument("--template", type=Path, default=ROOT / "template.yaml")
    return parser.parse_args(arguments)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


if __name__ == "__main__":
    sys.exit(main())
