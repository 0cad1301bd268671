"""Sending a notification: deadlines, retries, HTTP, and privacy from monitoring."""
