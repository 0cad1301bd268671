"""Masking secrets in text from programs, receivers and exceptions."""

import json
import re
from urllib.parse import quote, quote_plus

from . import conf

MASK = "***"

# A shorter secret would mask parts of ordinary words.
_SHORTEST_LITERAL = 4

# What rclone says of a secret ("InvalidAccessKeyId: The ...", "failed to decrypt password: base64
# ...") is not its value. Every repetition is bounded or cannot overlap its neighbor: tools print long lines.
_NAME = (
    r"(?:(?<![a-z])pass(?!w|ed|es|ing)|passwd|(?<!decrypt )password|passphrase|(?<![a-z])pwd|secret|token|"
    r"key[_-]?pem|sas[_-]?url|account[_-]?credentials|"
    r"api[_-]?key|(?<!invalid)access[_-]?key|account[_-]?key|private[_-]?key|(?<![a-z])sig)[\w-]{0,40}"
)
_VALUE = r"(?:\\\"[^\"\\]*\\\"|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[^\s,;&\"']+)"
_PATTERNS = (
    # user:password@host and token@host, up to the last @ before the path
    re.compile(
        r"(?P<keep>\b[a-z][a-z0-9+.-]{0,20}://(?:[^\s/:@]{0,100}:)?)[^\s/]+(?=@)", re.IGNORECASE
    ),
    # Authorization: Bearer xyz
    re.compile(
        r"(?P<keep>\bauthorization[\"']?\s{0,5}[:=]\s{0,5}[\"']?(?:[a-z]{1,10}\s+)?)[^\s\"']+",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<keep>\bbearer\s+)[\w.~+/=-]{12,}", re.IGNORECASE),
    # password=xyz, "secret_access_key": "xyz"
    re.compile(rf"(?P<keep>{_NAME}(?:\\?[\"'])?\s{{0,5}}[=:]\s{{0,5}}){_VALUE}", re.IGNORECASE),
    # --token xyz
    re.compile(
        r"(?P<keep>--[\w-]{0,60}(?:pass|password2?|secret|token|key(?:-id|-pem)?|sas-url|credentials)\s{1,5})(?!-)[^\s]+",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<keep>\bidentified\s{1,5}by\s{1,5})(?:'[^']*'|\"[^\"]*\")", re.IGNORECASE),
    # Webhooks and ping addresses are credentials by themselves.
    re.compile(r"(?P<keep>https?://(?:hooks\.slack\.com|hc-ping\.com)/)\S+", re.IGNORECASE),
)


def _spellings(secret: str) -> set[str]:
    """Return a secret as programs may write it: literally, in URLs, in JSON, in a log in JSON."""
    spellings = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    spellings.add(repr(secret)[1:-1])
    for ascii_only in (True, False):
        once = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        spellings |= {once, json.dumps(once, ensure_ascii=ascii_only)[1:-1]}
    return spellings


def redact(text: str) -> str:
    """Return ``text`` with every known or recognizable secret replaced by ``***``."""
    known = (secret for secret in conf.secrets() if len(secret) >= _SHORTEST_LITERAL)
    for spelling in sorted({s for one in known for s in _spellings(one)}, key=len, reverse=True):
        text = text.replace(spelling, MASK)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<keep>{MASK}", text)
    return text
