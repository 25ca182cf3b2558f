"""A stateful double of GitHub: the REST API over real git repositories, and signed webhooks.

It stands for what dagbranch needs of GitHub and answers 404 to the rest; its answers and webhooks are held
against GitHub's published schemas by ``tests/integration/local_github/``.
"""

from local.github.comments import Comment
from local.github.deployments import Deployment, WorkflowDeployment
from local.github.entries import File, Link, Submodule
from local.github.github_app import GitHubApp
from local.github.local_github import LocalGitHub
from local.github.merge_queue import MergeGroup
from local.github.pulls import Pull
from local.github.repositories import Repository
from local.github.webhooks import Delivery, signature

__all__ = [
    "Comment",
    "Delivery",
    "Deployment",
    "File",
    "GitHubApp",
    "Link",
    "LocalGitHub",
    "MergeGroup",
    "Pull",
    "Repository",
    "Submodule",
    "WorkflowDeployment",
    "signature",
]
