"""The way in: choosing a storage, trying it, and looking at all that a site needs for backups."""
