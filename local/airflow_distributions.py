"""``python -m local.airflow_distributions``: writes the list of what Airflow itself is made of, from its pins.

In the pins of each version, ``# via`` names who requires what. What is reached from ``apache-airflow`` without
going through a provider is what every server of that version has, and imports before any DAG.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from local.toolchain import REQUIREMENTS, ROOT

MODULE: Final = ROOT / "layers" / "dagbranch" / "dagbranch" / "domain" / "airflow_distributions.py"
_AIRFLOW: Final = "apache-airflow"
_PROVIDERS: Final = "apache-airflow-providers-"
_PIN: Final = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==([^\s\\;]+)")
_VIA: Final = re.compile(r"^ +#(?: via)? +([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?$")


def module_text() -> str:
    """The data module, as the pins of today make it."""
    versions, names = [], set()
    for pins in sorted(REQUIREMENTS.glob("airflow-*.txt")):
        version, found = _read(pins)
        versions.append(version)
        names |= found
    listed = "".join(f'        "{name}",\n' for name in sorted(names))
    versions.sort(key=lambda one: [int(part) for part in one.split(".")])
    return (
        '"""What Airflow itself is made of, without providers: made by ``python -m local.airflow_distributions``."""\n'
        "\nfrom __future__ import annotations\n\nfrom typing import Final\n\n"
        f"AIRFLOW_VERSIONS: Final = ({', '.join(f'"{one}"' for one in versions)})\n"
        f"AIRFLOW_DISTRIBUTIONS: Final = frozenset(\n    {{\n{listed}    }}\n)\n"
    )


def _read(pins: Path) -> tuple[str, set[str]]:
    """Airflow's version in these pins, and what it is made of."""
    versions, required = _graph(pins.read_text())
    found, ahead = set[str](), [_AIRFLOW]
    while ahead:
        name = ahead.pop()
        if name not in found and not name.startswith(_PROVIDERS):
            found.add(name)
            ahead += required[name]
    return versions[_AIRFLOW], found


def _graph(text: str) -> tuple[Mapping[str, str], Mapping[str, list[str]]]:
    """The version of each distribution, and what each requires."""
    versions: dict[str, str] = {}
    required: defaultdict[str, list[str]] = defaultdict(list)
    name = ""
    for line in text.splitlines():
        if pin := _PIN.match(line):
            name = pin[1]
            versions[name] = pin[2]
        elif via := _VIA.match(line):
            required[via[1]].append(name)
    return versions, required


if __name__ == "__main__":
    MODULE.write_text(module_text())
