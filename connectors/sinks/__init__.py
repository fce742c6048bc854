"""Where actions go."""
