"""An engine that nobody has a client for: SQLite, under another name."""
