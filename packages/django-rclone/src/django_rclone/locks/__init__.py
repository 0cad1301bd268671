"""Locks: one run at a time, on however many hosts."""

from .lease import exclusive

__all__ = ["exclusive"]
