from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.github_pages import GitHubPages
from tests.fakes.examples import FIRST


@pytest.mark.parametrize(
    ("api_url", "url"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://api.github.com/", "https://github.com"),
        ("https://github.acme.example/api/v3", "https://github.acme.example"),
        ("http://127.0.0.1:8080/api/v3/", "http://127.0.0.1:8080"),
    ],
)
def test_pages_are_beside_the_api(api_url: str, url: str) -> None:
    assert GitHubPages.of_api(api_url) == GitHubPages(url)


def test_a_line_of_a_file_at_a_commit() -> None:
    url = GitHubPages().of_file("acme/pipelines", FIRST, "dags/a b/#1?.py", 12)

    assert url == f"https://github.com/acme/pipelines/blob/{FIRST}/dags/a%20b/%231%3F.py#L12"


@pytest.mark.parametrize("path", ["../evil/x.py", "dags/../../x.py", "/etc/passwd", "a//b", "./x", "a\\..\\b", ""])
def test_a_path_that_leads_out_of_the_repository_has_no_page(path: str) -> None:
    assert GitHubPages().of_file("acme/pipelines", FIRST, path) is None


@given(st.text(max_size=40))
def test_no_path_breaks_out_of_a_link(path: str) -> None:
    url = GitHubPages().of_file("acme/pipelines", FIRST, path)

    assert url is None or (url.isascii() and not set(url) & set("()<>[]\\ \n\"'|@"))
