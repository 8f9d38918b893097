"""The engine on a real store."""
