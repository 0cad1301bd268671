"""A fake Slack, whose webhook and chat.postMessage accept the documented messages.

https://docs.slack.dev/reference/block-kit/blocks
"""

import json
import re
from typing import Any

from tests.support.http_server import Answer, Received

TOKEN = "xoxb-T0PsECReT-9f8e7d"
CHANNEL = "C024BE91L"
_DATE = re.compile(r"<!date\^\d+\^[^<>|^]+\|[^<>]+>")
_UNESCAPED = re.compile(r"[<>]|&(?!amp;|lt;|gt;)")


def problems(message: dict[str, Any]) -> list[str]:
    """Return why Slack would refuse the message, or show it differently than intended."""
    found = []
    blocks = message.get("blocks", [])
    if not 0 < len(message.get("text", "")) <= 4_000:
        found.append("text")
    if not 1 <= len(blocks) <= 50 or len(json.dumps(blocks, ensure_ascii=False)) > 13_000:
        found.append("blocks")
    for block in blocks:
        found += [f"{block['type']}: {problem}" for problem in _CHECKS[block["type"]](block)]
    shown = [message.get("text", ""), *_texts(blocks)]
    found += [f"unescaped: {text}" for text in shown if _UNESCAPED.search(_DATE.sub("", text))]
    return found


def _header(block: dict[str, Any]) -> list[str]:
    text = block["text"]
    return [] if text["type"] == "plain_text" and 1 <= len(text["text"]) <= 150 else ["text"]


def _section(block: dict[str, Any]) -> list[str]:
    found = []
    if "text" not in block and "fields" not in block:
        found.append("neither text nor fields")
    if "text" in block and not 1 <= len(block["text"]["text"]) <= 3_000:
        found.append("text")
    fields = block.get("fields", [{"text": "x"}])
    if not 1 <= len(fields) <= 10 or not all(1 <= len(one["text"]) <= 2_000 for one in fields):
        found.append("fields")
    return found


def _context(block: dict[str, Any]) -> list[str]:
    return [] if 1 <= len(block["elements"]) <= 10 else ["elements"]


_CHECKS = {"header": _header, "section": _section, "context": _context}


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return own + [text for item in value.values() for text in _texts(item)]
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []


def webhook(request: Received) -> Answer:
    """Answer as an incoming webhook does."""
    if problems(request.json()):
        return Answer(status=400, body=b"invalid_blocks")
    return Answer(body=b"ok")


def methods(request: Received) -> Answer:
    """Answer as chat.postMessage does: with status 200 and the outcome in the body."""
    message = request.json()
    if request.headers.get("authorization") != f"Bearer {TOKEN}":
        return _refusal("invalid_auth")
    if message.get("channel") != CHANNEL:
        return _refusal("channel_not_found")
    if problems(message):
        return _refusal("invalid_blocks")
    ts = "1705320000.000100"
    body = {"ok": True, "channel": CHANNEL, "ts": ts, "message": message}
    return Answer(body=json.dumps(body).encode())


def _refusal(error: str) -> Answer:
    return Answer(body=json.dumps({"ok": False, "error": error}).encode())


def state_of(request: Received) -> str:
    """Return the state that the header of a message names."""
    heading = request.json()["blocks"][0]["text"]["text"]
    word = re.match(r"\S (Started|Succeeded|Recovered|Failed): ", heading)
    assert word, heading
    return word[1].lower()
