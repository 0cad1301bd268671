"""Bytes on their way between a database and the remote: checked, counted, compressed."""
