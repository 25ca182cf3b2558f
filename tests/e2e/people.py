"""A repository that declares data with masks, its base, and three pull requests that make something else of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from local.github import Pull, Repository
from local.stack import LocalStack

REPOSITORY = "zalando/people"
BASE = (
    "CREATE SCHEMA crm_test",
    "CREATE TABLE crm_test.m_customers (id BIGINT, email STRING, country STRING) USING parquet",
    """INSERT INTO crm_test.m_customers VALUES (1, "ada@acme.example", "DE"), (2, "bo@acme.example", "FR")""",
    "CREATE TABLE crm_test.m_contacts (email STRING, day DATE) USING parquet PARTITIONED BY (day)",
    """INSERT INTO crm_test.m_contacts
       VALUES ("ada@acme.example", DATE"2025-12-31"), ("bo@acme.example", DATE"2026-01-02")""",
    "CREATE TABLE crm_test.m_old (id BIGINT) USING parquet",
)
HASHED = {email: hashlib.sha256(email.encode()).hexdigest() for email in ("ada@acme.example", "bo@acme.example")}
SEEDED = [(HASHED["bo@acme.example"], "2026-01-02")]

_DECLARED = b"""\
version: 1
data:
  source_suffix: _test
  schemas:
    crm:
      read: ["m_*"]
      write:
        m_contacts: {seed: 'day >= "2026-01-01"'}
      mask:
        m_customers: {email: hash}
        m_contacts: {email: hash}
"""
_DAG = b"""\
from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("qu.contacts", schedule=None):
    EmptyOperator(task_id="nothing")
"""
# One mask is weakened, the other taken away.
_UNMASKED = _DECLARED.partition(b"      mask:")[0] + b"      mask: {m_customers: {email: keep}}\n"
_BRANCHES = {
    "people": {"dags/qu/contacts.py": _DAG + b"# touched\n"},
    "unmasked": {"dagbranch.yaml": _UNMASKED},
    "other-source": {"dagbranch.yaml": _DECLARED.replace(b"_test", b"_live")},
}


@dataclass(frozen=True)
class PeoplePulls:
    repository: Repository
    pulls: dict[str, Pull]


def open_people(stack: LocalStack, repository: Repository) -> PeoplePulls:
    """Fills the repository, opens its pull requests, and does not wait for their environments."""
    for statement in BASE:
        stack.warehouse.query(statement)
    repository.commit("main", {"dagbranch.yaml": _DECLARED, "dags/qu/contacts.py": _DAG}, "Declare the data")
    pulls = {}
    for branch, changes in _BRANCHES.items():
        repository.commit(branch, changes, f"What {branch} is about", start_from="main")
        pulls[branch] = repository.open_pull(branch, f"What {branch} is about")
    return PeoplePulls(repository, pulls)
