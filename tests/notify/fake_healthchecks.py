"""A fake Healthchecks server, as documented.

https://healthchecks.io/docs/http_api/
"""

import re
import uuid
from urllib.parse import parse_qs

from tests.support.http_server import Answer, Received

CHECK = "0c8983c9-9d73-446f-adb5-0641fdacc9d4"
KEY = "T0PsECReT-9f8e7d_abcde"
SLUGS = ("nightly", "backup-default", "backup-media")
SMALLEST_BODY_LIMIT = 10_000
"""Bytes that a self-hosted server keeps: the first ones."""

_TARGET = re.compile(
    r"/ping/(?:(?P<check>[0-9a-f-]{36})|(?P<key>[\w-]{22})/(?P<slug>[a-z0-9_-]+?))"
    r"(?P<signal>/start|/fail|/log|/\d{1,3})?(?:\?(?P<query>.*))?"
)


def answer(request: Received) -> Answer:
    """Answer a ping."""
    target = _TARGET.fullmatch(request.target)
    if target is None or request.method not in ("GET", "HEAD", "POST"):
        return Answer(status=404, body=b"not found")
    query = parse_qs(target["query"] or "")
    if not all(_is_canonical(run) for run in query.get("rid", [])):
        return Answer(status=400, body=b"invalid uuid format")
    if len(request.body) > SMALLEST_BODY_LIMIT:
        # A real one truncates here. Nothing that we send may be truncated.
        return Answer(status=413, body=b"body too large")
    if target["check"]:
        # For UUIDs the status is always 200.
        return Answer(body=b"OK" if target["check"] == CHECK else b"OK (not found)")
    if target["key"] != KEY:
        return Answer(status=404, body=b"not found")
    if target["slug"] in SLUGS:
        return Answer(body=b"OK")
    created = query.get("create") == ["1"]
    return Answer(status=201, body=b"Created") if created else Answer(status=404, body=b"not found")


def state_of(request: Received) -> str:
    """Return the state that a ping reports."""
    target = _TARGET.fullmatch(request.target)
    assert target, request.target
    return {"/start": "started", None: "succeeded", "/fail": "failed"}[target["signal"]]


def _is_canonical(run: str) -> bool:
    try:
        return str(uuid.UUID(run)) == run
    except ValueError:
        return False
