"""Masking secrets in text that came from elsewhere: tools, receivers, exceptions."""

import re
from urllib.parse import quote

from . import conf

MASK = "***"

# A literal secret shorter than this would mask half of every sentence.
_SHORTEST_LITERAL = 4

_PATTERNS = (
    # user:password@ of a URL
    re.compile(r"(?P<keep>\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)", re.IGNORECASE),
    # Authorization: Bearer xyz
    re.compile(r"(?P<keep>\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}", re.IGNORECASE),
    # password=xyz, "secret_access_key": "xyz", --token xyz
    re.compile(
        r"(?P<keep>[\w-]*(?:pass|passwd|password\d?|pwd|secret|token|api[_-]?key|access[_-]key)"
        r"[\w-]*[\"']?\s*[=:]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"']+)",
        re.IGNORECASE,
    ),
    # Webhooks and ping addresses are credentials by themselves.
    re.compile(r"(?P<keep>https?://hooks\.slack\.com/)\S+", re.IGNORECASE),
    re.compile(r"(?P<keep>https?://hc-ping\.com/)\S+", re.IGNORECASE),
)


def redact(text: str) -> str:
    """Return ``text`` with every known or recognisable secret replaced by ``***``."""
    for secret in sorted(conf.secrets(), key=len, reverse=True):
        if len(secret) >= _SHORTEST_LITERAL:
            text = text.replace(secret, MASK).replace(quote(secret, safe=""), MASK)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<keep>{MASK}", text)
    return text
