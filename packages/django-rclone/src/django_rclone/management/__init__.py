"""The commands: they parse, confirm, call one operation and print."""
