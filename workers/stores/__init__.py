"""Where state rows live between clicks: one file a kind of store."""
