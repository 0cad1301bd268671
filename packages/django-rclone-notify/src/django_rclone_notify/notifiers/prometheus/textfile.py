"""The text format of metrics, and the atomic replacement of the files with them.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ...messages import one_line, truncate

HELP = {
    "django_rclone_last_start_timestamp_seconds": "When the last run started.",
    "django_rclone_last_run_timestamp_seconds": "When the last run ended.",
    "django_rclone_last_run_success": "Whether the last run succeeded: 1, or failed: 0.",
    "django_rclone_last_run_duration_seconds": "How long the last run took.",
    "django_rclone_last_success_timestamp_seconds": "When the last successful run ended.",
    "django_rclone_last_success_size_bytes": "Size of what the last successful run stored.",
}
"""The help text of every metric. All of them are gauges.

node_exporter reads the files of all sites and versions on a machine together, and
reports an error if they disagree on a text: do not change one.
"""

_VALUE_LIMIT = 200
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def render(values: Mapping[str, float], labels: Mapping[str, str]) -> str:
    """Return the text of a file with ``values``, from metric to value, all with ``labels``."""
    pairs = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return "".join(
        f"# HELP {metric} {HELP[metric]}\n# TYPE {metric} gauge\n{metric}{{{pairs}}} {value!r}\n"
        for metric, value in values.items()
    )


def label_value(text: str) -> str:
    """Return ``text`` on one line and within the limit of a label."""
    return truncate(one_line(text), _VALUE_LIMIT)


def replace(path: Path, text: str) -> None:
    """Replace the file at ``path`` atomically: nobody ever reads a part of it.

    Raises ``OSError``.
    """
    # node_exporter ignores names that do not end in .prom.
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        temporary = Path(file.name)
        try:
            # node_exporter runs as another user.
            os.fchmod(file.fileno(), 0o644)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
