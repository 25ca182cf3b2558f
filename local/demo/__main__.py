"""``python -m local.demo``: tells the story, shows what it saw, and ends with a table of times.

Ends with status 1 at the first thing that is not as it should be, with the logs' folder kept.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import shutil
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from local.airflow.configuration import Line
from local.demo.narration import Narrator, table, tell
from local.demo.repository import REPOSITORY
from local.demo.story import StoryError
from local.processes import NotReadyError
from local.stack import LocalStack, local_stack
from local.toolchain import CACHE
from local.warehouse.process import MissingJavaError, require_java


class AnotherDemoError(RuntimeError):
    """A demo of this checkout is running."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    folder = CACHE / "demo"
    say = Narrator()
    logging.getLogger("databricks").setLevel(logging.ERROR)  # it warns that pyarrow is not there, at each start
    try:
        require_java()
        with _only_one(CACHE / "demo.lock"):
            shutil.rmtree(folder, ignore_errors=True)
            with local_stack(folder, line=options.airflow, allowed_repositories=REPOSITORY, progress=say) as stack:
                say("the stack is up")
                print(table(tell(stack, say), say.seconds()))
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


def _keep(stack: LocalStack, folder: Path) -> None:
    """Leaves everything running until Ctrl-C, and says where to click."""
    print(f"""
Airflow       {stack.airflow.url}  user {stack.airflow.username}, password {stack.airflow.password}
DAGs folder   {stack.airflow.dags_folder.relative_to(CACHE.parent)}/, as MWAA's double syncs it
AWS           {stack.aws.endpoint}  buckets {stack.dags_bucket}, {stack.outputs["SourceBucketName"]}
GitHub's API  {stack.github.url}
Logs          {folder.relative_to(CACHE.parent)}/
Ctrl-C ends it all.""")
    threading.Event().wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--airflow", choices=Line.__value__.__args__, default="3", help="the line of Airflow")
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    return parser


if __name__ == "__main__":
    sys.exit(main())
