"""The HTTP side of the daemon, over real sockets."""
