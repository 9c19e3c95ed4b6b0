"""Golden lists: those of a recording, kept to be held against the lists of a later version of code or model."""
