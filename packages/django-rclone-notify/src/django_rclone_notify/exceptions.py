"""The errors of django-rclone-notify.

::

    Exception
      NotifierError             a notifier could not deliver an event
    ImproperlyConfigured
      InvalidNotifySettings     a key of DJANGO_RCLONE_NOTIFY is wrong; says which, and the fix
        InvalidBackend          BACKEND names no notifier
        InvalidOptions          OPTIONS do not fit the notifier
      MissingExtra              a package that the notifier needs is not installed
    ValueError
      InvalidOption             what a notifier's constructor raises about one of its options

Configuration errors stand outside ``NotifierError``: whoever tolerates a failed
delivery does not tolerate a wrong configuration by accident.
"""

from django.core.exceptions import ImproperlyConfigured


class NotifierError(Exception):
    """A notifier could not deliver an event.

    ``message`` is for the operator; it must not hold a URL, a key or a token.
    ``permanent`` says that trying again changes nothing: the configuration has
    to change first.
    """

    def __init__(self, message: str, permanent: bool = False) -> None:
        self.message = message
        self.permanent = permanent
        super().__init__(message)


class InvalidNotifySettings(ImproperlyConfigured):
    """A setting is wrong. ``key`` is its full path, ``hint`` says how to mend it."""

    def __init__(self, key: str, problem: str, hint: str) -> None:
        self.key = key
        self.problem = problem
        self.hint = hint
        super().__init__(f"{key} {problem}. {hint}")


class InvalidBackend(InvalidNotifySettings):
    """``BACKEND`` cannot be imported, or is no notifier."""


class InvalidOptions(InvalidNotifySettings):
    """``OPTIONS`` holds an unknown, missing or unusable option."""


class MissingExtra(ImproperlyConfigured):
    """A notifier needs a package that is not installed. ``hint`` is the line to type."""

    def __init__(self, package: str, extra: str) -> None:
        self.problem = f'The "{extra}" notifier needs the package "{package}"'
        self.hint = f'Type: pip install "django-rclone-notify[{extra}]"'
        super().__init__(f"{self.problem}. {self.hint}")


class InvalidOption(ValueError):
    """One option of a notifier is unusable: raise it from the notifier's constructor.

    ``problem`` follows the option's name in the final message ("must be ...") and
    must not repeat the value: options hold secrets.
    """

    def __init__(self, option: str, problem: str, hint: str = "") -> None:
        self.option = option
        self.problem = problem
        self.hint = hint
        super().__init__(f"{option} {problem}")
