"""What ``backupsetup`` prints in the end: the settings to paste, and where secrets belong."""

import json
from collections.abc import Iterator, Mapping

from ..operations.setup.proposal import SIGNING_KEY, Answer, Proposal

_WIDTH = 80  # columns of a dictionary with one key, which is written in a line
_FILE = "/srv/shop/environment"
_LINES = f"""\
These lines belong in a file that no other user can read (chmod 600), and that is in no repository,
such as {_FILE}:"""
_PLACES = f"""\
  a shell           set -a; . {_FILE}; set +a
  cron              the same at the beginning of the line, with && instead of ;
  systemd, compose  EnvironmentFile={_FILE}, env_file: {_FILE}
Or let a file hold each secret, and write {{"FILE": "/run/secrets/backup-password"}} for {{"ENV": ...}}:
a secret of Docker or Kubernetes; {{"FILE": "backup-password"}} is a credential of systemd."""
_KEEP = """\
What was made just now is stored nowhere. Keep it in a second place, which depends neither on this
machine nor on the storage, before the first backup: without the password of the encryption nobody
can restore anything."""


class _Code(str):
    """Python as it is."""


def settings_text(proposal: Proposal, present: Mapping[str, object]) -> str:
    """Return the settings of a proposal, for a site that has ``present`` in them."""
    values: dict[str, object] = {}
    if remotes := proposal.remotes(tried=False):
        values["REMOTES"] = remotes
    values["REMOTE"] = proposal.remote
    values["ENVIRONMENT"] = proposal.environment
    if proposal.signing_key:
        values[SIGNING_KEY] = proposal.signing_key.written
        if present.get("REMOTE"):
            # What SECRET_KEY has signed stays verified.
            values["SIGNING_KEY_FALLBACKS"] = [_Code("SECRET_KEY")]
    return f"DJANGO_RCLONE = {_rendered(values)}"


def kept_settings(proposal: Proposal, present: Mapping[str, object]) -> str:
    """Return a sentence about what is in the settings already; empty if nothing is."""
    others = [name for name in present if name not in ("REMOTE", "ENVIRONMENT", "REMOTES")]
    remotes = present.get("REMOTES")
    others += [
        f"{name} in REMOTES"
        for name in (remotes if isinstance(remotes, Mapping) else ())
        if name != proposal.name
    ]
    return f"Keep what else is there: {', '.join(others)}." if others else ""


def secrets_text(proposal: Proposal) -> str:
    """Return which secrets there are, and where each belongs; empty if there are none."""
    found = list(proposal.secrets())
    parts = [f"{answer.file} has to hold {what}." for what, answer in found if answer.file]
    if lines := [_line(what, answer) for what, answer in found if answer.variable]:
        parts += [_LINES, "\n".join(lines), _PLACES]
    if any(answer.made for _, answer in found):
        parts.append(_KEEP)
    return "\n\n".join(parts)


def _line(what: str, answer: Answer) -> str:
    """Return the lines of a variable as a shell and systemd read them."""
    if answer.made:
        known = "made just now"
    else:
        known = "the variable is set here" if answer.is_in_place else "as you typed it"
    return f"# {what[0].upper()}{what[1:]}, {known}\n{answer.variable}={answer.made}"


def _rendered(value: object, indent: str = "") -> str:
    if isinstance(value, _Code):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_rendered, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, Mapping):
        return repr(value)
    if len(value) == 1:
        [line] = _items(value, "")
        if "\n" not in line and len(line) < _WIDTH - len(indent):
            return f"{{{line}}}"
    inner = f"{indent}    "
    lines = "".join(f"{inner}{item},\n" for item in _items(value, inner))
    return f"{{\n{lines}{indent}}}"


def _items(value: Mapping[object, object], indent: str) -> Iterator[str]:
    for name, one in value.items():
        yield f"{json.dumps(name)}: {_rendered(one, indent)}"
