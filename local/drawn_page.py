"""A pull request's page, drawn after GitHub's: our comment, the check and the deployment below it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from dagbranch.domain.reports import Check, Deployment

_GREEN, _RED, _AMBER, _GREY = "#1a7f37", "#d1242f", "#bf8700", "#818b98"
_COLOURS = {"success": _GREEN, "failure": _RED, "in_progress": _AMBER, "queued": _AMBER, "neutral": _GREY}
_STATES = {"success": "Active", "in_progress": "In progress", "failure": "Failure", "inactive": "Inactive"}
_DISC = '<circle cx="8" cy="8" r="8"/>'
_MARKS = {
    "success": f'{_DISC}<path d="M5 8.3l2 2 4-4.3"/>',
    "failure": f'{_DISC}<path d="M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4"/>',
    "neutral": f'{_DISC}<path d="M5.5 8h5"/>',
    "queued": '<circle cx="8" cy="8" r="4"/>',
    "in_progress": '<circle cx="8" cy="8" r="4"/>',
}
_AVATAR = """<svg class="avatar" viewBox="0 0 16 16">
<circle cx="4" cy="3" r="1.8"/><circle cx="4" cy="13" r="1.8"/><circle cx="12" cy="5" r="1.8"/>
<path d="M4 5v6M12 7c0 3-8 1-8 4"/></svg>"""
_ROCKET = """<svg class="rocket" viewBox="0 0 16 16">
<path d="M6 10c0-4 3-7.5 8-8-.5 5-4 8-8 8zM6 10l-2-2-2.5 1 2-4 3.2-.5M6 10l2 2-1 2.5 4-2 .5-3.2"/></svg>"""
# Drawn, because a machine may have no font for them.
_EMOJIS = {
    "✅": '<rect width="16" height="16" rx="3" fill="#2da44e"/>'
    '<path d="M4 8.500l2.800 2.800L12 5" fill="none" stroke="#fff" stroke-width="2.200"/>',
    "❌": '<path d="M2 2l12 12M14 2L2 14" stroke="#d1242f" stroke-width="3.400" stroke-linecap="round"/>',
    "⏳": '<path d="M4 1h8M4 15h8M5 1c0 4 2.300 5 2.300 7S5 11 5 15h6c0-4-2.300-5-2.300-7S11 5 11 1z" '
    'fill="#ffe9b3" stroke="#9a6700" stroke-width="1.300" stroke-linejoin="round"/>',
    "⚪": '<circle cx="8" cy="8" r="7" fill="#f0f2f4" stroke="#c8d0d8"/>',
}


def page_of(comment: str, check: Check, deployments: Sequence[Deployment], style: str) -> str:
    """``comment`` is HTML already."""
    return f"""<!doctype html><meta charset="utf-8"><style>{style}</style>
<div id="scene">
  <div class="comment">{_AVATAR}
    <div class="box">
      <div class="head"><b>dagbranch</b><span class="bot">bot</span> commented 2 minutes ago · edited</div>
      <div class="markdown">{_with_drawn_emojis(comment)}</div>
    </div>
  </div>
  {_check(check)}
  {"".join(map(_deployment, deployments))}
</div>"""


def _check(check: Check) -> str:
    mark = f'<svg style="fill:{_COLOURS[check.state]}" class="mark" viewBox="0 0 16 16">{_MARKS[check.state]}</svg>'
    return _row(mark, f"<b>{escape(check.name)}</b> — {escape(check.title)}", "<a>Details</a>")


def _deployment(deployment: Deployment) -> str:
    colour = _COLOURS.get(deployment.state, _GREY)
    state = f'<span class="state" style="color:{colour}">{_STATES[deployment.state]}</span>'
    link = "<a>View deployment</a>" if deployment.url else ""
    told = f"<b>dagbranch</b> deployed to <b>{escape(deployment.environment)}</b> — {escape(deployment.description)}"
    return _row(_ROCKET, told, state + link)


def _row(mark: str, told: str, more: str) -> str:
    return f'<div class="box row">{mark}<span class="told">{told}</span>{more}</div>'


def _with_drawn_emojis(rendered: str) -> str:
    for emoji, drawing in _EMOJIS.items():
        rendered = rendered.replace(emoji, f'<svg class="emoji" viewBox="0 0 16 16">{drawing}</svg>')
    return rendered
