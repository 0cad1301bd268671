"""The text about an operation: pure functions from a notification to strings."""

import unicodedata

from django.template.defaultfilters import filesizeformat

from django_rclone.events import Operation, OperationEvent, State

from .notifications import Notification, NotificationState

TRUNCATION_MARK = " … (truncated)"
NAME_LIMIT = 60
"""Characters of a name in a title, so that a long one does not push out the state."""

# A shape and a word for each state, because not everyone can tell colors apart.
_HEADINGS: dict[str, str] = {
    NotificationState.STARTED: "▶ Started",
    NotificationState.SUCCEEDED: "✔ Succeeded",
    NotificationState.RECOVERED: "↻ Recovered",
    NotificationState.FAILED: "✖ Failed",
}
_SUBJECTS = {
    Operation.DB_BACKUP: "Backup of {target}",
    Operation.DB_RESTORE: "Restore of {target}",
    Operation.DB_PRUNE: "Pruning the backups of {target}",
    Operation.DB_VERIFY: "Verification of a backup of {target}",
    Operation.DB_CHECK: "Check of the backups of {target}",
    Operation.MEDIA_BACKUP: "Backup of {target}",
    Operation.MEDIA_RESTORE: "Restore of {target}",
    Operation.MEDIA_PRUNE: "Pruning the backups of {target}",
    Operation.MEDIA_VERIFY: "Verification of a backup of {target}",
    Operation.MEDIA_CHECK: "Check of the backups of {target}",
}
_DETAILS = ("Path", "Size", "Duration", "Error", "Live data")
# These reverse or isolate the text around them, so that a message could be made to
# show something it does not say.
_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def heading(notification: Notification) -> str:
    """Return the state as a shape and a word: ``✖ Failed``."""
    return _HEADINGS.get(notification.state, one_line(notification.state))


def title(notification: Notification) -> str:
    """Return one line: the environment, the subject, the state and the host."""
    event = notification.event
    environment = f"[{_short(event.environment)}] " if event.environment else ""
    again = " again" if notification.state == NotificationState.RECOVERED else ""
    return one_line(f"{environment}{subject(event)} {event.state}{again} on {_short(event.host)}")


def subject(event: OperationEvent) -> str:
    """Return the operation and its target: ``Backup of database "default"``."""
    target = "media" if event.database is None else f'database "{_short(event.database)}"'
    pattern = _SUBJECTS.get(event.operation, f"{event.operation} of {{target}}")
    # Not str.format(), because an alias may contain braces.
    return one_line(pattern.replace("{target}", target))


def facts(event: OperationEvent) -> dict[str, str]:
    """Return all known facts except the error's text: labels and values, each on one line."""
    failed = event.state == State.FAILED
    known = {
        "Database": event.database,
        "Environment": event.environment,
        "Host": event.host,
        "Started": f"{event.started_at:%Y-%m-%d %H:%M:%S %Z}",
        "Duration": None if event.duration is None else human_duration(event.duration),
        "Size": None if event.size is None else human_size(event.size),
        "Path": event.path,
        "Error": event.error_type,
        "Live data": event.target_state if failed else None,
        "Operation ID": event.operation_id,
    }
    return {label: one_line(value) for label, value in known.items() if value}


def details(event: OperationEvent) -> list[str]:
    """Return lines such as ``Size: 1.4 GB`` with the facts to show below the title."""
    known = facts(event)
    return [f"{label}: {known[label]}" for label in _DETAILS if label in known]


def cause(event: OperationEvent) -> str:
    """Return the text of the error, without control characters; may be empty."""
    return strip_control_characters(event.error_message or "")


def hint(event: OperationEvent) -> str:
    """Return the advice of django-rclone about the error, on one line; may be empty."""
    return one_line(event.error_hint or "")


def error_text(event: OperationEvent, limit: int) -> str:
    """Return cause and hint in at most ``limit`` characters; a long cause leaves the hint."""
    advice = truncate(f"\nHint: {hint(event)}", limit // 2) if event.error_hint else ""
    return (truncate(cause(event), limit - len(advice)) + advice).strip()


def human_size(size: int) -> str:
    """Return ``size`` in bytes in the format of Django and of the commands: ``1.5 GB``."""
    return filesizeformat(size).replace("\xa0", " ")


def human_duration(seconds: float) -> str:
    """Return ``seconds`` in the format of the commands: ``0.4 s``, ``12 s``, ``3 min 05 s``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def strip_control_characters(text: str) -> str:
    """Return ``text`` without control characters, direction marks and lone surrogates.

    Newlines are kept and normalized; tabs become spaces.
    """
    text = text.replace("\r\n", "\n").replace("\t", " ")
    return "".join(character for character in text if _is_harmless(character))


def one_line(text: str) -> str:
    """Return ``text`` without control characters on one line, so it cannot fake log entries."""
    return " ".join(strip_control_characters(text.replace("\r", "\n")).split())


def truncate(text: str, limit: int) -> str:
    """Return ``text`` with at most ``limit`` characters, including the mark of truncation."""
    return text if len(text) <= limit else text[: limit - len(TRUNCATION_MARK)] + TRUNCATION_MARK


def _short(name: str) -> str:
    return truncate(one_line(name), NAME_LIMIT)


def _is_harmless(character: str) -> bool:
    if character == "\n":
        return True
    return unicodedata.category(character) not in ("Cc", "Cs") and (
        character not in _DIRECTION_MARKS
    )
