"""What ``backupsetup`` prints in the end: the settings to paste, and where secrets belong."""

import json
from collections.abc import Iterator, Mapping

from ..operations.setup.proposal import SIGNING_KEY, Answer, Proposal

_WIDTH = 80  # columns of a dictionary with one key, which is written in a line
_PLACES = """\
Each variable belongs in the environment of whatever runs manage.py and the site, where no other
user can read it. Or let a file hold the secret, and write its path into the settings instead:
  environment          EnvironmentFile= of a systemd unit, env_file: of compose, a Secret of
                       Kubernetes with env:; never a file in the repository
  systemd credential   {"FILE": "backup-password"} with LoadCredential=backup-password:/etc/...
  Docker secret        {"FILE": "/run/secrets/backup-password"} with secrets: of compose
SIGNING_KEY takes text alone: Path("/run/secrets/signing-key").read_text().strip() reads a file."""
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
    imports = ""
    if proposal.signing_key:
        imports, values[SIGNING_KEY] = _read(proposal.signing_key)
        if present.get("REMOTE"):
            # What SECRET_KEY has signed stays verified.
            values["SIGNING_KEY_FALLBACKS"] = [_Code("SECRET_KEY")]
    return f"{imports}DJANGO_RCLONE = {_rendered(values)}"


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
    if not found:
        return ""
    width = max(len(answer.variable or answer.file) for _, answer in found)
    lines = ["Secrets:"]
    for what, answer in found:
        lines.append(f"  {(answer.variable or answer.file).ljust(width)}  {what}")
        if answer.made:
            lines.append(f"  {' ' * width}  made just now: {answer.made}")
    lines += ["", _PLACES]
    if any(answer.made for _, answer in found):
        lines += ["", _KEEP]
    return "\n".join(lines)


def _read(answer: Answer) -> tuple[str, _Code]:
    """Return the import and the expression by which the settings read a secret themselves."""
    if answer.file:
        path = json.dumps(answer.file)
        return "from pathlib import Path\n\n", _Code(f"Path({path}).read_text().strip()")
    return "import os\n\n", _Code(f"os.environ[{json.dumps(answer.variable)}]")


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
