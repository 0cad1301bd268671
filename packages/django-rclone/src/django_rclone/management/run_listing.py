"""The listing of media runs, and of the files in one."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from ..backups.index import Entry, Kind, shown
from ..operations.listing import Listed
from .formatting import age, date, printable, size, table, with_ago, with_environment
from .kept_words import kept_record, kept_words
from .proof_words import passed_record, proof_record, proof_words

_RUNS = ("NAME", "DATE", "AGE", "FILES", "SIZE", "ADDED", "CHANGED", "DELETED", "STATE", "PROOF", "KEPT")  # fmt: skip


def run_record(listed: Listed, now: datetime) -> dict[str, object]:
    """Return a run for programs."""
    run, proofs = listed.backup, listed.proofs
    manifest, created = run.manifest, run.created_at
    return {
        "name": run.name,
        "path": run.path,
        "source": run.database,
        "date": created.isoformat() if created else None,
        "age": round((now - created).total_seconds()) if created else None,
        "environment": run.environment,
        "files": manifest.count if manifest else None,
        "size": manifest.content_size if manifest else None,
        "added": manifest.added if manifest else None,
        "changed": manifest.changed if manifest else None,
        "deleted": manifest.deleted if manifest else None,
        "left_out": manifest.left_out if manifest else None,
        "whole": run.verified and manifest is not None and not manifest.partial,
        "verified": run.verified,
        "problem": run.problem or None,
        "proof": proof_record(proofs),
        "read_at": passed_record(proofs)["read_at"],
        **kept_record(listed),
    }


def run_table(runs: Sequence[Listed], now: datetime, own: str, width: int) -> str:
    """Return runs as columns, or some lines for each if columns do not fit.

    ``own`` is the environment of this site: of others it is shown.
    """
    return table([_RUNS, *(_row(run, now, own) for run in runs)], width, _sentence)


def _row(listed: Listed, now: datetime, own: str) -> tuple[str, ...]:
    run = listed.backup
    manifest = run.manifest
    files = _number(manifest.count if manifest else None)
    others = (
        _number(manifest.added if manifest else None),
        _number(manifest.changed if manifest else None),
        _number(manifest.deleted if manifest else None),
    )
    content = manifest.content_size if manifest else None
    state = "whole"
    if not run.verified:
        state = "NOT VERIFIED"
    elif manifest is not None and manifest.partial:
        state = f"INCOMPLETE ({manifest.left_out or 0:,} left out)"
    if run.verified:
        state = with_environment(state, run.environment, own)
    return (
        printable(run.name),
        date(run.created_at),
        age(run.created_at, now),
        files,
        "?" if content is None else size(content),
        *others,
        printable(state),
        proof_words(run, listed.proofs, now),
        kept_words(listed),
    )


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _sentence(cells: Sequence[str]) -> str:
    when, how_old, files, content, added, changed, deleted, state, proof, kept = cells
    counts = f"{added} added, {changed} changed, {deleted} deleted"
    facts = f"{when}  {with_ago(how_old)}  {files} files  {content}  {counts}  {state}, {proof}"
    return f"{facts}\n    kept: {kept}"


def entry_record(entry: Entry) -> dict[str, object]:
    """Return an entry for programs, as the index holds it."""
    values: dict[str, object] = json.loads(entry.to_line())
    return values


def entry_lines(entries: Iterable[Entry]) -> Iterable[str]:
    """Yield a line for each entry: its size, its time, and its path."""
    for entry in entries:
        path = printable(shown(entry.path)).replace("\n", "\N{REPLACEMENT CHARACTER}")
        if entry.kind is Kind.LEFT_OUT:
            yield f"{'LEFT OUT':>10}  {'':20}  {path} ({printable(entry.reason)})"
            continue
        when = date(_moment(entry.modified))
        what = size(entry.size) if entry.kind is Kind.FILE else entry.kind.value
        target = f" -> {printable(shown(entry.target))}" if entry.kind is Kind.LINK else ""
        ending = "/" if entry.kind is Kind.FOLDER else ""
        yield f"{what:>10}  {when:20}  {path}{ending}{target}"


def _moment(nanoseconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(nanoseconds // 10**9, UTC)
    except (OverflowError, ValueError, OSError):
        return None
