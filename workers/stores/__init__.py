"""Where state records live between clicks: a Faust table's store, one file a kind."""
