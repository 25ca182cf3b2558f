"""``python -m local.aws.build``: ``sam build`` into ``.aws-sam/build``, with the pinned SAM."""

from __future__ import annotations

from local.aws.building import sam_build
from local.toolchain import ROOT

if __name__ == "__main__":
    sam_build(ROOT / "template.yaml", ROOT / ".aws-sam" / "build")
