"""The notifiers: one module or folder for each service."""
