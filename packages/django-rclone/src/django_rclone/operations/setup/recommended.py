"""What a site should have of its own before its backups matter."""

from collections.abc import Iterator

from ...conf import Settings
from ...exceptions import InvalidSettings


def missing_settings(settings: Settings) -> Iterator[InvalidSettings]:
    """Yield that ``SIGNING_KEY`` or ``ENVIRONMENT`` is not set, with what follows."""
    if settings.signs_with_secret_key:
        problem = "is not set, so that a new SECRET_KEY would make all backups unverified"
        hint = (
            "Set a random one, keep it in a second place, and put SECRET_KEY into "
            "SIGNING_KEY_FALLBACKS for the backups that there are. `manage.py backupsetup` makes one."
        )
        yield InvalidSettings("SIGNING_KEY", problem, hint)
    if not settings.environment:
        problem = "is not set, so that a copy of this site could take these backups for its own"
        hint = 'Set it to "production" here, and to other words elsewhere.'
        yield InvalidSettings("ENVIRONMENT", problem, hint)
