"""The issue and the monitor configuration for Sentry: pure, without the SDK.

https://develop.sentry.dev/sdk/data-model/event-payloads/
"""

import math
from typing import Any

from django_rclone.events import OperationEvent

from ...exceptions import InvalidOption
from ...messages import cause, facts, hint, one_line, subject, truncate
from ...options import suggestion
from ..slugs import database_label

Schedule = str | tuple[int, str]

UNITS = ("minute", "hour", "day", "week", "month", "year")

# https://develop.sentry.dev/sdk/expected-features/data-handling/#variable-size
_TAG_LIMIT = 200
_LINE_LIMIT = 500
_VALUE_LIMIT = 2_000


def issue(
    event: OperationEvent, *, monitor_slug: str | None, include_error: bool
) -> dict[str, Any]:
    """Return the error event of a failed operation.

    The same error type of one operation, environment and database is one issue.
    """
    database = _line(database_label(event))
    environment = _line(event.environment)
    error_type = _line(event.error_type or "OperationFailed")
    error = truncate(cause(event), _VALUE_LIMIT) if include_error else ""
    details = {
        "operation_id": event.operation_id,
        "path": _line(event.path or ""),
        "size": event.size,
        "duration": event.duration,
        "started_at": event.started_at.isoformat(),
        "hint": _line(hint(event)) if include_error else "",
        "live_data": facts(event).get("Live data"),
    }
    contexts: dict[str, Any] = {"backup": {k: v for k, v in details.items() if v not in (None, "")}}
    if monitor_slug is not None:
        contexts["monitor"] = {"slug": monitor_slug}
    return {
        "level": "error",
        "logger": "django_rclone",
        "transaction": f"django_rclone.{event.operation}",
        "server_name": _line(event.host),
        "fingerprint": ["django-rclone", event.operation, database, environment, error_type],
        "exception": {
            "values": [
                {
                    "type": error_type,
                    "value": error or _line(f"{subject(event)} failed"),
                    "mechanism": {"type": "django_rclone", "handled": True},
                }
            ]
        },
        "tags": {
            "backup.operation": _tag(event.operation),
            "backup.database": _tag(database),
            "backup.environment": _tag(environment or "not set"),
        },
        "contexts": contexts,
    }


def environment_name(event: OperationEvent) -> str:
    """Return the environment in the form Sentry accepts: at most 64 characters, no slash."""
    return one_line(event.environment).replace("/", "-")[:64]


def monitor_config(
    schedule: object, timezone: str, checkin_margin: object, max_runtime: object
) -> dict[str, Any] | None:
    """Return the configuration that creates or updates a monitor; ``None`` without ``schedule``.

    ``checkin_margin`` and ``max_runtime`` are in minutes. Raises ``InvalidOption``.
    """
    if schedule is None:
        for option, value in (("checkin_margin", checkin_margin), ("max_runtime", max_runtime)):
            if value is not None:
                raise InvalidOption(option, "needs a schedule", "Set schedule too.")
        return None
    config: dict[str, Any] = {"schedule": _schedule(schedule), "timezone": timezone}
    for option, value in (("checkin_margin", checkin_margin), ("max_runtime", max_runtime)):
        if value is not None:
            config[option] = _minutes(option, value)
    return config


def _schedule(value: object) -> dict[str, Any]:
    if isinstance(value, str) and len(value.split()) == 5:
        return {"type": "crontab", "value": " ".join(value.split())}
    if isinstance(value, (tuple, list)) and len(value) == 2:
        number, unit = value
        if unit not in UNITS:
            raise InvalidOption("schedule", "has an unknown unit", suggestion(str(unit), UNITS))
        if isinstance(number, int) and number is not True and number > 0:
            return {"type": "interval", "value": number, "unit": unit}
    hint = 'Write a crontab line such as "0 3 * * *", or a pair such as (1, "day").'
    raise InvalidOption("schedule", "is not a schedule", hint)


def _minutes(option: str, value: object) -> int:
    if isinstance(value, int) and value is not True and 0 < value < math.inf:
        return value
    raise InvalidOption(option, "must be a whole number of minutes above 0")


def _line(text: str) -> str:
    return truncate(one_line(text), _LINE_LIMIT)


def _tag(text: str) -> str:
    return truncate(one_line(text), _TAG_LIMIT)
