"""``python -m local.demo``: tells the story, shows what it saw, and ends with a table of times.

Ends with status 1 at the first thing that is not as it should be, with the logs' folder kept.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import re
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from local.airflow.configuration import Line
from local.demo import story
from local.demo.checks import check_opened, check_pushed, check_ran, check_removed
from local.demo.repository import REPOSITORY
from local.demo.story import Opened, StoryError
from local.processes import NotReadyError
from local.stack import DAGS_BUCKET, LocalStack, local_stack
from local.toolchain import CACHE
from local.warehouse.process import MissingJavaError, require_java

_STEPS = ("source archive", "zip in the bucket", "views made", "active in Airflow", "verified")


class AnotherDemoError(RuntimeError):
    """A demo of this checkout is running."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    folder = CACHE / "demo"
    say = _Narrator()
    logging.getLogger("databricks").setLevel(logging.ERROR)  # it warns that pyarrow is not there, at each start
    try:
        require_java()
        with _only_one(CACHE / "demo.lock"):
            shutil.rmtree(folder, ignore_errors=True)
            with local_stack(folder, line=options.airflow, allowed_repositories=REPOSITORY, progress=say) as stack:
                say("the stack is up")
                print(_table(_tell(stack, say), say.seconds()))
                if options.keep:
                    _keep(stack, folder)
    except AnotherDemoError as error:
        print(error, file=sys.stderr)
        return 1
    except (StoryError, NotReadyError, MissingJavaError) as error:
        print(f"\n{error}\nThe logs are in {folder.relative_to(CACHE.parent)}/.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    return 0


def _only_one(path: Path) -> IO[str]:
    """The lock that this demo holds until the file is closed: two would use one folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AnotherDemoError("a demo of this checkout is running already: end it first (Ctrl-C)") from None
    return lock


def _tell(stack: LocalStack, say: _Narrator) -> list[tuple[str, str, float]]:
    """The whole story; the times of each step."""
    repository = story.begin(stack)
    say.title("Three pull requests")
    opened = story.open_pull_requests(stack, repository, say)
    for one in opened.values():
        check_opened(one)
        _show(one)
    times = [(one.name, step, one.seconds[step]) for one in opened.values() for step in _STEPS if step in one.seconds]

    say.title("A run of qu.feature1.test_dag")
    ran = story.run(stack, "feature1")
    check_ran(ran)
    print(f"  state: {ran.state}")
    print(f"  db_attribution_feature1.m_roi, written by the run: {ran.rows}")
    print(f"  db_attribution_feature1.m_roi, seeded: {ran.seeded}")
    print(f"  its job code, {_shortened(next(iter(opened['feature1'].job_code)))}: {ran.budget}")
    for schema, rows in ran.elsewhere.items():
        print(f"  {schema}.m_roi, of that day: {rows}")
    times.append(("feature1", "run of test_dag", ran.seconds))

    say.title("A new commit on feature2")
    before = opened["feature2"]
    pushed = story.push(stack, repository, before)
    check_pushed(before, pushed)
    _show(pushed)
    times.append(("feature2", "redeployed", pushed.seconds["verified"]))

    say.title("feature1 is closed, its webhook is lost, the sweep runs")
    removed = story.close_unheard(stack, repository, opened["feature1"])
    check_removed(removed)
    print(
        f"  left of feature1: {len(removed.objects)} objects, {len(removed.dags)} DAGs, {len(removed.schemas)} schemas"
    )
    print(f"  its receipt in the registry: {dict(removed.environment.receipt)}")
    print(f"  still there: {', '.join(dag.dag_id for dags in removed.others.values() for dag in dags)}")
    times.append(("feature1", "removed", removed.seconds))
    return times


def _shortened(key: str) -> str:
    """A key with the beginning of its digest."""
    return re.sub(r"(?<=/[0-9a-f]{8})[0-9a-f]{56}", "…", key)


def _show(opened: Opened) -> None:
    for dag in opened.dags:
        print(f"  {dag.dag_id:28} {', '.join(sorted(dag.tags))}")
    for schema, tables in opened.schemas.items():
        print(f"  {schema}: {', '.join(f'{table} ({kind})' for table, kind in tables.items())}")


def _table(times: list[tuple[str, str, float]], total_seconds: float) -> str:
    lines = [f"{environment:10} {step:20} {seconds:6.1f} s" for environment, step, seconds in times]
    return "\n".join(
        [
            "",
            "Seconds since the webhook was sent, or since the step began:",
            *lines,
            f"{'in all':31} {total_seconds:6.1f} s",
        ]
    )


def _keep(stack: LocalStack, folder: Path) -> None:
    """Leaves everything running until Ctrl-C, and says where to click."""
    print(f"""
Airflow       {stack.airflow.url}  user {stack.airflow.username}, password {stack.airflow.password}
DAGs folder   {stack.airflow.dags_folder.relative_to(CACHE.parent)}/, as MWAA's double syncs it
AWS           {stack.aws.endpoint}  buckets {DAGS_BUCKET}, {stack.outputs["SourceBucketName"]}
GitHub's API  {stack.github.url}
Logs          {folder.relative_to(CACHE.parent)}/
Ctrl-C ends it all.""")
    threading.Event().wait()


class _Narrator:
    """Progress with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"{self.seconds():6.1f} s  {text}", flush=True)

    def title(self, text: str) -> None:
        print(flush=True)
        self(text)

    def seconds(self) -> float:
        return time.monotonic() - self._started


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--airflow", choices=Line.__value__.__args__, default="3", help="the line of Airflow")
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    return parser


if __name__ == "__main__":
    sys.exit(main())
