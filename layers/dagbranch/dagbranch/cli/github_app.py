"""``dagbranch app``: makes the GitHub App, and keeps its secrets for nobody but their owner."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from dagbranch.adapters.app_registration import make_app
from dagbranch.cli.arguments import Ended, command


def add_to(commands: Any) -> None:
    app = command(commands, "app", _app, "make the GitHub App, and write its key and its webhook's secret into files")
    app.add_argument("--webhook-url", required=True, metavar="URL", help="the stack's output WebhookUrl")
    app.add_argument("--organization", metavar="NAME", help="whose App it is; without one, your own")
    app.add_argument("--name", default="dagbranch", metavar="NAME", help="unique at GitHub")
    app.add_argument("--github-url", default="https://github.com", metavar="URL", help="of an Enterprise Server")
    app.add_argument("--output", type=Path, default=Path(), metavar="FOLDER", help="where the two files go")


def _app(options: argparse.Namespace) -> Ended:
    """The two secrets go into files that only their owner reads, in the form in which Secrets Manager takes them."""
    folder: Path = options.output
    with _new_files(folder / "github-app.json", folder / "webhook-secret.txt") as (key, webhook_secret):
        made = make_app(
            name=options.name,
            github_url=options.github_url.rstrip("/"),
            organization=options.organization,
            webhook_url=options.webhook_url,
            show=lambda url: print(f"open {url} in a browser, as somebody who may make Apps there", file=sys.stderr),
        )
        key.write_text(json.dumps({"app_id": made.app_id, "private_key": made.private_key}))
        webhook_secret.write_text(made.webhook_secret)
    result = {"app_id": made.app_id, "page": made.page, "files": [str(key), str(webhook_secret)]}
    return Ended(result, f"{key}\n{webhook_secret}\ninstall it: {made.installation_page}")


@contextmanager
def _new_files(*files: Path) -> Iterator[tuple[Path, ...]]:
    """Made before what goes into them, which is handed out once; gone again where it never comes."""
    with ExitStack() as made:
        for file in files:
            file.touch(mode=0o600, exist_ok=False)
            made.callback(file.unlink)
        yield files
        made.pop_all()
