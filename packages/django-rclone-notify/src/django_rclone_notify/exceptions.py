"""The errors of django-rclone-notify.

::

    Exception
      NotifierError             a notifier could not deliver a notification
    ImproperlyConfigured
      InvalidNotifySettings     a key of DJANGO_RCLONE_NOTIFY is invalid; names it and the fix
        InvalidBackend          BACKEND is not a notifier
        InvalidOptions          OPTIONS do not fit the notifier
      MissingExtra              a package that the notifier needs is not installed
    ValueError
      InvalidOption             raised by a notifier's constructor about one of its options

Configuration errors are not ``NotifierError``s, so that code that ignores failed
deliveries does not ignore a wrong configuration as well.
"""

from django.core.exceptions import ImproperlyConfigured


class NotifierError(Exception):
    """A notifier could not deliver a notification.

    ``message`` is for the operator, and must not contain a URL, a key or a token.
    ``permanent`` means that retrying is useless until the configuration changes.
    """

    def __init__(self, message: str, permanent: bool = False) -> None:
        self.message = message
        self.permanent = permanent
        super().__init__(message)


class InvalidNotifySettings(ImproperlyConfigured):
    """A setting is invalid. ``key`` is its full path, ``hint`` says how to fix it."""

    def __init__(self, key: str, problem: str, hint: str) -> None:
        self.key = key
        self.problem = problem
        self.hint = hint
        super().__init__(f"{key} {problem}. {hint}")


class InvalidBackend(InvalidNotifySettings):
    """``BACKEND`` cannot be imported, or is not a notifier."""


class InvalidOptions(InvalidNotifySettings):
    """``OPTIONS`` contains an unknown or invalid option, or lacks a required one."""


class MissingExtra(ImproperlyConfigured):
    """A notifier needs a package that is not installed. ``hint`` is the command to run."""

    def __init__(self, package: str, extra: str) -> None:
        self.problem = f'The "{extra}" notifier needs the package "{package}"'
        self.hint = f'Run: pip install "django-rclone-notify[{extra}]"'
        super().__init__(f"{self.problem}. {self.hint}")


class InvalidOption(ValueError):
    """An option of a notifier is invalid: raised by the notifier's constructor.

    ``problem`` follows the option's name in the message ("must be ...") and must
    not repeat the value, which may be a secret.
    """

    def __init__(self, option: str, problem: str, hint: str = "") -> None:
        self.option = option
        self.problem = problem
        self.hint = hint
        super().__init__(f"{option} {problem}")
