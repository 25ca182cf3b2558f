"""``python -m local.aws.validate TEMPLATE``: ``sam validate --lint``, without an account."""

from __future__ import annotations

import os
import subprocess
import sys

from local.toolchain import CACHE, script_of, tool_path


def main() -> int:
    environment = {
        **os.environ,
        "PATH": tool_path("sam"),  # --lint runs cfn-lint
        "AWS_DEFAULT_REGION": "eu-central-1",
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(CACHE / "sam"),
    }
    command = [str(script_of("sam", "sam")), "validate", "--lint", "--template", sys.argv[1]]
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
