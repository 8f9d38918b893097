"""The local action host: OpenWhisk's REST API for actions that run in warm processes on this machine."""
