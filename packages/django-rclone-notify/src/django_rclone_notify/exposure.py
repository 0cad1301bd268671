"""What of the settings Django's own error reports give away."""

from collections.abc import Collection

from django.views.debug import get_default_exception_reporter_filter

from . import conf
from .channels import texts


def exposed(alias: str, options: Collection[str]) -> set[str]:
    """Return those of the secret ``options`` of a channel that an error report shows.

    Django hides a setting by its name; the site may have a filter of its own. So
    that filter is asked, and what it lets through is read as it would be printed.
    """
    reports = get_default_exception_reporter_filter().get_safe_settings()
    # Not pprint, as Django does it: that breaks long texts into pieces.
    shown = repr(reports.get(conf.NAME))
    given = conf.options_of(alias)
    return {
        option
        for option in options
        if any(repr(text)[1:-1] in shown for text in texts(given.get(option)) if text)
    }
