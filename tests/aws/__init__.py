"""AWS's API, as its own clients and its service model have it."""
