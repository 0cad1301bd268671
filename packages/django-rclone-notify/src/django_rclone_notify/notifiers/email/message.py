"""A notification as an email: subject, text and HTML, as pure functions."""

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ...messages import cause, error_text, facts, heading, hint, title, truncate
from ...messages import subject as operation
from ...notifications import Notification, NotificationState

SUBJECT_LIMIT = 200
LINE_LIMIT = 300
ERROR_LIMIT = 2_000

# Everyone can tell blue from orange, on white and on black; the heading has the same
# meaning without color.
_BLUE, _ORANGE, _GRAY = "#2f7fd6", "#d2570c", "#757d88"
_COLORS: dict[str, str] = {
    NotificationState.SUCCEEDED: _BLUE,
    NotificationState.RECOVERED: _BLUE,
    NotificationState.FAILED: _ORANGE,
}

# Styles are inline, because mail clients drop style sheets. Text and background have no
# color here, so that both follow the client, light or dark.
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
<div style="max-width:680px; border-left:5px solid {color}; padding:2px 0 2px 16px">
<p style="margin:0; font-weight:bold; color:{color}">{state}</p>
<p style="margin:0 0 12px; font-size:18px; font-weight:bold; overflow-wrap:anywhere">{operation}</p>
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
_ADVICE = '<p style="margin:12px 0 0; overflow-wrap:anywhere"><b>Hint:</b> {}</p>\n'


def subject(notification: Notification, prefix: str) -> str:
    """Return the subject: one line that starts with ``prefix``."""
    return truncate(f"{prefix}{title(notification)}", SUBJECT_LIMIT)


def text(notification: Notification, *, include_error: bool) -> str:
    """Return the plain text version."""
    lines = [f"{label}: {value}" for label, value in _facts(notification)]
    blocks = [truncate(title(notification), LINE_LIMIT), "\n".join(lines)]
    if include_error:
        blocks.append(error_text(notification.event, ERROR_LIMIT))
    return "\n\n".join(filter(None, blocks)) + "\n"


def html(notification: Notification, *, include_error: bool) -> SafeString:
    """Return the HTML version, which loads nothing from elsewhere."""
    event = notification.event
    error = truncate(cause(event), ERROR_LIMIT) if include_error else ""
    advice = truncate(hint(event), LINE_LIMIT) if include_error else ""
    return format_html(
        _PAGE,
        title=truncate(title(notification), LINE_LIMIT),
        color=_COLORS.get(notification.state, _GRAY),
        state=heading(notification),
        operation=truncate(operation(event), LINE_LIMIT),
        facts=format_html_join("", _FACT, _facts(notification)),
        error=format_html(_ERROR, _GRAY, error) if error else "",
        advice=format_html(_ADVICE, advice) if advice else "",
    )


def _facts(notification: Notification) -> list[tuple[str, str]]:
    known = facts(notification.event)
    return [(label, truncate(value, LINE_LIMIT)) for label, value in known.items()]
