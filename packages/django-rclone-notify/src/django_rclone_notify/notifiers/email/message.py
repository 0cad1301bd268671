"""A notice as a mail: its subject, its text and its HTML, as pure functions."""

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from django_rclone.events import OperationEvent

from ...messages import (
    cause,
    cleaned,
    cut,
    hint,
    human_duration,
    human_size,
    live_data,
    one_line,
    title,
)
from ...messages import subject as what
from ...notifications import Notice, NoticeState

SUBJECT_LIMIT = 200
LINE_LIMIT = 300
ERROR_LIMIT = 2_000

# Blue and orange are told apart by everybody, and on white and on black; the sign
# and the word say the same.
_BLUE, _ORANGE, _GREY = "#2f7fd6", "#d2570c", "#757d88"
_LOOKS: dict[str, tuple[str, str]] = {
    NoticeState.STARTED: ("▶ Started", _GREY),
    NoticeState.SUCCEEDED: ("✔ Succeeded", _BLUE),
    NoticeState.RECOVERED: ("↻ Recovered", _BLUE),
    NoticeState.FAILED: ("✖ Failed", _ORANGE),
}

# Styles stand in the elements, because mail clients drop style sheets. Text and
# ground have no colour of ours, so that both follow the client, light or dark.
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{title}</title>
</head>
<body style="margin:0; padding:16px; font-family:sans-serif; font-size:15px; line-height:1.5">
<div style="max-width:680px; border-left:5px solid {colour}; padding:2px 0 2px 16px">
<p style="margin:0; font-weight:bold; color:{colour}">{state}</p>
<p style="margin:0 0 12px; font-size:18px; font-weight:bold; overflow-wrap:anywhere">{what}</p>
<table role="presentation" style="border-collapse:collapse; font-size:15px">
{facts}</table>
{error}{advice}</div>
</body>
</html>
"""
_FACT = (
    '<tr><td style="padding:1px 16px 1px 0; vertical-align:top">{}</td>'
    '<td style="padding:1px 0; font-weight:bold; overflow-wrap:anywhere">{}</td></tr>\n'
)
_ERROR = (
    '<pre style="margin:12px 0 0; padding:10px 12px; border:1px solid {}; border-radius:4px; '
    'font-family:monospace; font-size:13px; white-space:pre-wrap; overflow-wrap:anywhere">{}</pre>\n'
)
_ADVICE = '<p style="margin:12px 0 0; overflow-wrap:anywhere"><b>What to do:</b> {}</p>\n'


def subject(notice: Notice, prefix: str) -> str:
    """Return the subject: one line, ``prefix`` first."""
    return cut(f"{prefix}{title(notice)}", SUBJECT_LIMIT)


def text(notice: Notice, *, include_error: bool) -> str:
    """Return the mail for clients, and for people, that want plain text."""
    lines = [f"{name}: {value}" for name, value in _facts(notice.event)]
    blocks = [cut(title(notice), LINE_LIMIT), "\n".join(lines)]
    if include_error and notice.event.error_message:
        blocks.append(cut(cleaned(notice.event.error_message), ERROR_LIMIT))
    return "\n\n".join(blocks) + "\n"


def html(notice: Notice, *, include_error: bool) -> SafeString:
    """Return the mail as HTML; nothing in it is fetched from elsewhere."""
    state, colour = _LOOKS.get(notice.state, (one_line(notice.state), _GREY))
    words = cut(cause(notice.event), ERROR_LIMIT) if include_error else ""
    advice = cut(hint(notice.event), LINE_LIMIT) if include_error else ""
    return format_html(
        _PAGE,
        title=cut(title(notice), LINE_LIMIT),
        colour=colour,
        state=state,
        what=cut(what(notice.event), LINE_LIMIT),
        facts=format_html_join("", _FACT, _facts(notice.event)),
        error=format_html(_ERROR, _GREY, words) if words else "",
        advice=format_html(_ADVICE, advice) if advice else "",
    )


def _facts(event: OperationEvent) -> list[tuple[str, str]]:
    facts = [
        ("Environment", event.environment),
        ("Host", event.host),
        ("Started", f"{event.started_at:%Y-%m-%d %H:%M:%S %Z}"),
        ("Duration", "" if event.duration is None else human_duration(event.duration)),
        ("Size", "" if event.size is None else human_size(event.size)),
        ("Path", event.path or ""),
        ("Error", event.error_type or ""),
        ("Live data", live_data(event).removeprefix("The live data ")),
        ("Run", event.operation_id),
    ]
    return [(name, cut(one_line(value), LINE_LIMIT)) for name, value in facts if value]
