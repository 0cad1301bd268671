"""Site backups: databases and media that belong together, under one name."""
