"""How often the programs of a run are killed, one after the other, at random moments."""

import os

KILLS = int(os.environ.get("TEST_KILLS", "1"))
