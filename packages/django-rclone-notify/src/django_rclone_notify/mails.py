"""A notice as a mail: its subject, its text and its HTML, as pure functions."""

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from django_rclone_notify.messages import cleaned, cut, facts, one_line, title
from django_rclone_notify.notices import Notice, NoticeState

SUBJECT_LIMIT = 200
LINE_LIMIT = 1_000
ERROR_LIMIT = 2_000

_SIGNS: dict[str, str] = {
    NoticeState.STARTED: "▶",
    NoticeState.SUCCEEDED: "✔",
    NoticeState.RECOVERED: "✔",
    NoticeState.FAILED: "✖",
}
# Blue and orange are told apart by everybody, and on white and on black; the sign
# and the word say the same.
_BLUE, _ORANGE, _GREY = "#2f7fd6", "#d2570c", "#7d8590"
_COLOURS: dict[str, str] = {
    NoticeState.SUCCEEDED: _BLUE,
    NoticeState.RECOVERED: _BLUE,
    NoticeState.FAILED: _ORANGE,
}

# Styles stand in the elements, because mail clients drop style sheets. No text and
# no ground has a colour of ours, so that both follow the client, light or dark.
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
<div style="max-width:640px; border-left:6px solid {colour}; padding:4px 0 4px 16px">
<p style="margin:0; font-weight:bold; color:{colour}">{sign} {state}</p>
<p style="margin:0 0 12px; font-size:17px; font-weight:bold; overflow-wrap:anywhere">{title}</p>
{facts}
{error}
</div>
</body>
</html>
"""
_FACT = '<p style="margin:0; overflow-wrap:anywhere">{}</p>\n'
_ERROR = (
    '<pre style="margin:12px 0 0; padding:10px 12px; border:1px solid {}; border-radius:4px; '
    "font-family:monospace; font-size:13px; white-space:pre-wrap; overflow-wrap:anywhere"
    '">{}</pre>'
)


def subject(notice: Notice, prefix: str) -> str:
    """Return the subject: one line, ``prefix`` first."""
    return cut(f"{prefix}{title(notice)}", SUBJECT_LIMIT)


def text(notice: Notice, *, include_error: bool) -> str:
    """Return the mail for clients, and for people, that want plain text."""
    blocks = [_title(notice), "\n".join(_facts(notice))]
    if include_error and notice.event.error_message:
        blocks.append(_error(notice))
    return "\n\n".join(block for block in blocks if block) + "\n"


def html(notice: Notice, *, include_error: bool) -> SafeString:
    """Return the mail as HTML; nothing in it is fetched from elsewhere."""
    shown = include_error and bool(notice.event.error_message)
    return format_html(
        _PAGE,
        title=_title(notice),
        colour=_COLOURS.get(notice.state, _GREY),
        sign=_SIGNS.get(notice.state, ""),
        state=one_line(notice.state).capitalize(),
        facts=format_html_join("", _FACT, ((fact,) for fact in _facts(notice))),
        error=format_html(_ERROR, _GREY, _error(notice)) if shown else "",
    )


def _title(notice: Notice) -> str:
    return cut(title(notice), LINE_LIMIT)


def _facts(notice: Notice) -> list[str]:
    return [cut(fact, LINE_LIMIT) for fact in facts(notice.event)]


def _error(notice: Notice) -> str:
    return cut(cleaned(notice.event.error_message or ""), ERROR_LIMIT)
