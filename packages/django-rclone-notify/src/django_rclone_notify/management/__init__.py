"""The command `notifytest`, and the samples that it sends."""
