"""From prepared data and a configuration to a checkpoint."""
