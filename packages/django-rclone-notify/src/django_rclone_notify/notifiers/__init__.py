"""The notifiers: each module holds one, named by ``BACKEND`` in the settings."""
