"""How a notification leaves this machine: deadlines, retries, HTTP, and nobody watching."""
