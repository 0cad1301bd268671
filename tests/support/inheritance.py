"""What a parent hands down to the tests, brought back to what a login shell would have given.

``nohup`` ignores SIGHUP, a shell ignores SIGINT for what it runs in the background, and cron
gives neither ``LANG`` nor the usual ``PATH``. Whatever tests start inherits all of it.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

_UMASK = 0o022
_CONFIGURING = ("DJANGO_", "JOURNAL_", "RCLONE_", "PG", "MYSQL_", "MARIADB_", "AWS_", "SENTRY_")
_KEPT = ("DJANGO_SETTINGS_MODULE",)


def started_by(parent: str, command: Sequence[str]) -> list[str]:
    """Return the command line of a command whose parent runs some Python before it."""
    text = f"import os, resource, signal, sys\n{parent}\nos.execv(sys.argv[1], sys.argv[1:])"
    return [sys.executable, "-c", text, *command]


def restore_defaults() -> None:
    """Reset signals, the umask and the environment of this process."""
    _reset_signals()
    os.umask(_UMASK)
    for name in list(os.environ):
        if name.startswith(_CONFIGURING) and name not in _KEPT:
            del os.environ[name]
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        os.environ.pop(name, None)
        os.environ.pop(name.upper(), None)


def _reset_signals() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    defaults: dict[signal.Signals, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGQUIT: signal.SIG_DFL,
        signal.SIGCHLD: signal.SIG_DFL,
        # Programs start with the default again, while the tests themselves outlive their terminal.
        signal.SIGHUP: lambda number, frame: None,
    }
    for number, default in defaults.items():
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, default)
