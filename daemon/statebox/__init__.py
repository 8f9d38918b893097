"""statebox: durable Amazon States Language executions on Redis, their tasks on Apache OpenWhisk."""

__version__ = "0.1.0"
