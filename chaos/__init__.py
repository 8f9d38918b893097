"""Chaos: daemons, their connections and their Valkey are broken for minutes under load; then everything is checked."""
