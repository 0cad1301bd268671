"""HTML pages that show notifications in the style of the services that receive them."""

import json
import re
from collections.abc import Callable
from html import escape
from typing import Any

from tests.docs.pictures import payloads

_FRAME = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><style>
* {{ box-sizing: border-box }}
body {{ margin: 0; padding: 16px; width: 760px; background: #eceff3; color: #1d1c1d;
  font: 14px/1.45 "DejaVu Sans", sans-serif; overflow-wrap: anywhere }}
.sheet {{ background: #fff; border: 1px solid #cfd5dd; border-radius: 6px; padding: 16px 20px }}
.terminal {{ background: #14181f; color: #d7dde5; border-radius: 6px; padding: 14px 18px;
  font: 12.5px/1.5 "DejaVu Sans Mono", monospace; white-space: pre-wrap }}
.terminal b {{ color: #8fb8ff }} .terminal i {{ color: #ffa657; font-style: normal }}
.grey {{ color: #616872 }} .small {{ font-size: 12px }}
code, pre {{ font-family: "DejaVu Sans Mono", monospace; font-size: 12.5px }}
pre {{ margin: 6px 0; padding: 8px 10px; border: 1px solid #d5d9df; border-radius: 4px;
  background: #f8f8f9; white-space: pre-wrap }}
table {{ border-collapse: collapse; width: 100% }}
td {{ padding: 5px 12px 5px 0; vertical-align: top; text-align: left }}
{style}
</style></head><body>
{content}
</body></html>
"""


def logging() -> str:
    lines = "\n".join(_log_line(line) for line in payloads.log_lines())
    return _page(f'<div class="terminal"><b>$ tail -n 3 backups.log</b>\n{lines}</div>')


def slack() -> str:
    message = payloads.slack_message()
    blocks = "\n".join(_block(block) for block in message["blocks"])
    name = '<b>Backups</b> <span class="app">APP</span> <span class="grey small">2:31 AM</span>'
    style = """\
.post { display: flex; gap: 12px } .post > :last-child { flex: 1 }
.face { width: 38px; height: 38px; border-radius: 6px; background: #3f6fb5; color: #fff;
  text-align: center; font-size: 22px; line-height: 38px }
.app { font-size: 10px; background: #e6e6e7; padding: 1px 4px; border-radius: 2px; color: #616061 }
h3 { font-size: 17px; margin: 6px 0 8px }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px; margin: 8px 0 }
code { color: #b3123e; background: #f6f6f6; border: 1px solid #dededf; border-radius: 3px;
  padding: 1px 4px } .section { margin: 8px 0 }"""
    return _page(
        f'<div class="sheet post"><div class="face">⇪</div><div>{name}\n{blocks}</div></div>', style
    )


def healthchecks() -> str:
    rows = "".join(_ping(number, ping) for number, ping in enumerate(payloads.pings(), 41))
    style = """\
.number { white-space: nowrap } td { border-top: 1px solid #e3e6ea } tr:first-child td { border-top: 0 }
.kind { display: inline-block; min-width: 76px; text-align: center; border-radius: 4px;
  padding: 1px 8px; border: 1px solid #9aa3ad }
.fail { background: #b23c17; border-color: #b23c17; color: #fff }"""
    return _page(
        '<div class="sheet"><b>Nightly backup</b> <span class="grey">· log of the check</span>'
        f"<table>{rows}</table></div>",
        style,
    )


def sentry() -> str:
    items = payloads.envelope_items()
    check_ins = "".join(_check_in(item) for kind, item in items if kind == "check_in")
    [issue] = [item for kind, item in items if kind == "event"]
    style = """\
h3 { margin: 0; font-size: 18px } .level { color: #c2410c; font-weight: bold }
.pill { display: inline-block; border: 1px solid #cdc7d6; border-radius: 4px; margin: 2px 6px 2px 0;
  padding: 1px 8px; font-size: 12.5px } .pill b { font-weight: normal; color: #6a6077 }
h4 { margin: 14px 0 2px; font-size: 13px; color: #6a6077 } td:first-child { width: 150px }
td { padding: 2px 12px 2px 0 }"""
    return _page(
        f'<div class="sheet">{_issue(issue)}<h4>Monitor check-ins</h4>'
        f"<table>{check_ins}</table></div>",
        style,
    )


def email() -> str:
    message = payloads.mail()
    [(content, _)] = message.alternatives
    head = "".join(
        f'<tr><td class="grey">{name}</td><td>{escape(value)}</td></tr>'
        for name, value in (("From", message.from_email), ("To", ", ".join(message.to)))
    )
    style = """\
h3 { margin: 0 0 6px; font-size: 16px } hr { border: 0; border-top: 1px solid #cfd5dd }
td { padding: 1px 12px 1px 0 } .head td:first-child { width: 60px }
.mail table { width: auto } .mail pre { background: none }"""
    return _page(
        f'<div class="sheet"><h3>{escape(str(message.subject))}</h3>'
        f'<table class="head">{head}</table><hr><div class="mail">{_body(str(content))}</div></div>',
        style,
    )


def webhook() -> str:
    request = payloads.hook()
    shown = ["content-type", "webhook-id", "webhook-timestamp", "webhook-signature"]
    # Time and signature differ each time.
    passing = {"webhook-timestamp": "1773455472", "webhook-signature": "v1,K5oZfzN95Z9U…"}
    headers = [
        f"<b>{name}:</b> {escape(passing.get(name, request.headers[name]))}" for name in shown
    ]
    body = escape(json.dumps(request.json(), indent=2, ensure_ascii=False), quote=False)
    lines = [f"<i>{request.method} {escape(request.target)}</i>", *headers, "", body]
    return _page('<div class="terminal">' + "\n".join(lines) + "</div>")


def apprise() -> str:
    message = payloads.apprise_message()
    style = ".note { max-width: 560px; margin: 0 auto; border-radius: 14px } .bell { float: right }"
    return _page(
        f'<div class="sheet note"><span class="bell grey small">now</span>'
        f'<span class="grey small">✖ {escape(message["type"])}</span><br>'
        f"<b>{escape(message['title'])}</b><br>"
        f"{escape(message['message']).replace(chr(10), '<br>')}</div>",
        style,
    )


def prometheus() -> str:
    lines = "".join(
        f'<div class="{"comment" if line.startswith("#") else "sample"}">'
        f"{escape(line).replace('{', '{<wbr>')}</div>"
        for line in payloads.metrics().splitlines()
    )
    style = """\
.comment { color: #8b949e } .comment, .sample { padding-left: 2em; text-indent: -2em }
.terminal { overflow-wrap: normal; font-size: 12px }"""
    return _page(f'<div class="terminal"><b>$ cat django_rclone-*.prom</b>{lines}</div>', style)


PAGES: dict[str, Callable[[], str]] = {
    page.__name__: page
    for page in (logging, slack, healthchecks, sentry, email, webhook, apprise, prometheus)
}
"""The functions that return the pages, by the name of the notifier and its picture."""


def _page(content: str, style: str = "") -> str:
    return _FRAME.format(content=content, style=style)


def _log_line(line: str) -> str:
    return re.sub(r" (ERROR|WARNING) ", r" <i>\1</i> ", escape(line, quote=False))


def _block(block: dict[str, Any]) -> str:
    if block["type"] == "header":
        return f"<h3>{escape(block['text']['text'])}</h3>"
    if block["type"] == "context":
        return "".join(
            f'<div class="grey small">{_mrkdwn(e["text"])}</div>' for e in block["elements"]
        )
    if "fields" in block:
        fields = "".join(f"<div>{_mrkdwn(field['text'])}</div>" for field in block["fields"])
        return f'<div class="fields">{fields}</div>'
    return f'<div class="section">{_mrkdwn(block["text"]["text"])}</div>'


def _mrkdwn(text: str) -> str:
    """Return Slack's markup as HTML; its escapes are HTML's too."""
    text = re.sub(r"<!date\^\d+\^[^|>]*\|([^>]*)>", r"\1", text)
    text = re.sub(r"```\n?(.*?)\n?```", lambda m: f"<pre>{m[1]}</pre>", text, flags=re.S)
    text = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", text)
    text = re.sub(r"^\*([^*\n]+)\*", r"<b>\1</b>", text)
    return re.sub(r"\n(?!<pre>)(?![^<]*</pre>)", "<br>", text)


def _ping(number: int, ping: Any) -> str:
    kind, look = ("Failure", "fail") if ping.path.endswith("/fail") else ("Started", "")
    return (
        f'<tr><td class="grey number">#{number}</td><td><span class="kind {look}">{kind}</span></td>'
        f'<td><code class="grey">{ping.method} {escape(ping.target)}</code>'
        f"<pre>{escape(ping.text, quote=False)}</pre></td></tr>"
    )


def _check_in(item: dict[str, Any]) -> str:
    duration = f"after {item['duration']} s" if item.get("duration") else ""
    return (
        f"<tr><td>{escape(item['status'])}</td><td>{escape(item['monitor_slug'])} "
        f"{escape(item.get('environment') or '')} {duration} "
        f'<span class="grey">{item["check_in_id"]}</span></td></tr>'
    )


def _issue(issue: dict[str, Any]) -> str:
    [exception] = issue["exception"]["values"]
    tags = issue["tags"]
    pills = "".join(
        f'<span class="pill"><b>{escape(k)}</b> {escape(v)}</span>' for k, v in tags.items()
    )
    facts = "".join(
        f'<tr><td class="grey">{escape(name)}</td><td>{escape(str(value))}</td></tr>'
        for name, value in issue["contexts"]["backup"].items()
    )
    return (
        f'<h3>{escape(exception["type"])}</h3><div class="grey">{escape(issue["transaction"])} · '
        f'<span class="level">{issue["level"]}</span> · {escape(issue["server_name"])}</div>'
        f"<pre>{escape(exception['value'], quote=False)}</pre>{pills}"
        f"<h4>backup</h4><table>{facts}</table>"
        f"<h4>Fingerprint</h4>{escape(' · '.join(issue['fingerprint']))}"
    )


def _body(document: str) -> str:
    """Return the body of a mail as an element of another page."""
    [style, content] = re.findall(r'<body style="([^"]*)">(.*)</body>', document, re.S)[0]
    return f'<div style="{style}">{content}</div>'
