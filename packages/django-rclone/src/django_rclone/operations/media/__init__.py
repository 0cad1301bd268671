"""Runs of media files: content stored once by its hash, and an index for each run."""
