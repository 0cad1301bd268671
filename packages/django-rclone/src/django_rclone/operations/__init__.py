"""The order of steps of every operation; what became of live data is decided here."""
