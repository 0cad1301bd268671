"""What ``backupsetup --try`` finds at a site."""

import json
from collections import defaultdict
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.test import override_settings

from tests.support.site import DjangoSite


def look_at(site: DjangoSite) -> dict[str, list[Any]]:
    """Return the findings by their states. The exit status must fit them."""
    out, status = StringIO(), 0
    with site.active(), override_settings(DJANGO_RCLONE=site.rclone):
        try:
            call_command("backupsetup", "--try", "--json", stdout=out)
        except SystemExit as end:
            status = int(str(end.code))
    record = json.loads(out.getvalue())
    found: dict[str, list[Any]] = defaultdict(list)
    for one in record["findings"]:
        found[one["state"]].append(one)
        assert bool(one["fix"]) == (one["state"] != "ok"), one
    assert record["works"] == (not found["failed"]) == (status == 0)
    return found
