"""The OpenWhisk bridge and the local action host."""
