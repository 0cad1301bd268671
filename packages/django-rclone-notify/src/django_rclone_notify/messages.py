"""What people read about an operation: pure functions from a notice to text."""

import unicodedata

from django.template.defaultfilters import filesizeformat

from django_rclone.events import Operation, OperationEvent, State, TargetState

from .notifications import Notice, NoticeState

CUT_MARK = " … (cut)"
NAME_LIMIT = 60
"""Characters of a name in a title, so that a long one does not push the state out of it."""
_TAIL_MARK = "(cut) … "

_SUBJECTS = {
    Operation.DB_BACKUP: "Backup of {target}",
    Operation.DB_RESTORE: "Restore of {target}",
    Operation.DB_PRUNE: "Pruning the backups of {target}",
    Operation.MEDIA_BACKUP: "Backup of {target}",
    Operation.MEDIA_RESTORE: "Restore of {target}",
}
_LIVE_DATA = {
    TargetState.CHANGED: "was changed",
    TargetState.UNCHANGED: "is unchanged",
    TargetState.UNKNOWN: "may have been changed: its state is unknown",
}
# They reverse or isolate the text around them, so that a message shows what it does not say.
_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def title(notice: Notice) -> str:
    """Return one line: what happened, to what, where."""
    event = notice.event
    environment = f"[{_short(event.environment)}] " if event.environment else ""
    again = " again" if notice.state == NoticeState.RECOVERED else ""
    return one_line(f"{environment}{subject(event)} {event.state}{again} on {_short(event.host)}")


def subject(event: OperationEvent) -> str:
    """Return what was run, on what: ``Backup of database "default"``."""
    target = "media" if event.database is None else f'database "{_short(event.database)}"'
    pattern = _SUBJECTS.get(event.operation, f"{event.operation} of {{target}}")
    # By replacement, not str.format(): an alias may hold braces.
    return one_line(pattern.replace("{target}", target))


def facts(event: OperationEvent) -> list[str]:
    """Return the lines below the title, without the words of the error."""
    lines = []
    if event.path:
        lines.append(f"Path: {event.path}")
    if event.size is not None:
        lines.append(f"Size: {human_size(event.size)}")
    if event.duration is not None:
        lines.append(f"Duration: {human_duration(event.duration)}")
    if event.error_type:
        lines.append(f"Error: {event.error_type}")
    if told := live_data(event):
        lines.append(told)
    return [one_line(line) for line in lines]


def live_data(event: OperationEvent) -> str:
    """Return what became of the live data when a restore failed; otherwise nothing."""
    if event.state == State.FAILED and event.target_state is not None:
        return f"The live data {_LIVE_DATA[event.target_state]}"
    return ""


def cause(event: OperationEvent) -> str:
    """Return the words of the error, cleaned; empty when there is none."""
    return cleaned(event.error_message or "")


def hint(event: OperationEvent) -> str:
    """Return what django-rclone advises to do about the error, on one line; may be empty."""
    return one_line(event.error_hint or "")


def human_size(size: int) -> str:
    """Return ``size`` in bytes as Django and the commands write it: ``1.5 GB``."""
    return filesizeformat(size).replace("\xa0", " ")


def human_duration(seconds: float) -> str:
    """Return ``seconds`` as people write it: ``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 0 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def cleaned(text: str) -> str:
    """Return ``text`` without control characters, direction marks and lone surrogates.

    Newlines stay, in one spelling; tabs become spaces.
    """
    text = text.replace("\r\n", "\n").replace("\t", " ")
    return "".join(character for character in text if _is_harmless(character))


def one_line(text: str) -> str:
    """Return ``text`` cleaned and on one line: nobody forges a second log entry."""
    return " ".join(cleaned(text.replace("\r", "\n")).split())


def cut(text: str, limit: int) -> str:
    """Return ``text`` with at most ``limit`` characters, the mark of the cut included."""
    return text if len(text) <= limit else text[: limit - len(CUT_MARK)] + CUT_MARK


def tail(text: str, limit: int) -> str:
    """Return the last ``limit`` characters of ``text``: what a program said last says most."""
    return text if len(text) <= limit else _TAIL_MARK + text[len(_TAIL_MARK) - limit :]


def _short(name: str) -> str:
    return cut(one_line(name), NAME_LIMIT)


def _is_harmless(character: str) -> bool:
    if character == "\n":
        return True
    return unicodedata.category(character) not in ("Cc", "Cs") and (
        character not in _DIRECTION_MARKS
    )
