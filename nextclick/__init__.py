"""The command line: one file a command, over models, export and workers."""
