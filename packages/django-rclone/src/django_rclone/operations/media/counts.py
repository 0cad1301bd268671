"""What a run is about, in numbers: compared with the run before."""

from ...events import MediaCounts
from .workset import WorkSet

# Of a folder that could not be read, nobody knows what is gone.
_GONE = """SELECT count(*) FROM run WHERE run.kind IN ('file', 'link') AND NOT EXISTS (
    SELECT 1 FROM found WHERE found.path = run.path AND found.kind != 'folder')"""
_UNREADABLE = """ AND NOT EXISTS (SELECT 1 FROM found WHERE found.kind = 'left out'
    AND run.path > CAST(found.path || x'2f' AS BLOB)
    AND run.path < CAST(found.path || x'30' AS BLOB))"""
_BOTH = """SELECT count(*), count(*) FILTER (WHERE found.kind = run.kind
    AND found.target = run.target AND coalesce(found.sha256, x'') = run.sha256)
    FROM found JOIN run USING (path)
    WHERE found.kind IN ('file', 'link') AND run.kind IN ('file', 'link')"""


def gone(work: WorkSet) -> int:
    """Return how many files and links of the run before were not found."""
    left_out = work.number("SELECT count(*) FROM found WHERE kind = 'left out'")
    return work.number(_GONE + (_UNREADABLE if left_out else ""))


def count(work: WorkSet, deleted: int) -> MediaCounts:
    """Return the numbers of what was found, compared with the run before, of which so many are gone."""
    files = work.number("SELECT count(*) FROM found WHERE kind IN ('file', 'link')")
    ((both, same),) = work.connection.execute(_BOTH)
    return MediaCounts(
        files=files,
        added=files - both,
        changed=both - same,
        deleted=deleted,
        left_out=work.number("SELECT count(*) FROM found WHERE kind = 'left out'"),
    )


def content_size(work: WorkSet) -> int:
    """Return the bytes of all files that were found."""
    return work.number("SELECT sum(size) FROM found WHERE kind = 'file'")
