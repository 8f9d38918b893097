"""Properties of the core that hold for any machine and any world."""
