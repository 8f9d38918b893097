"""OpenWhisk: the client that calls actions, the invoker that serves Task states with it, and a local action host."""
