"""The Step Functions API, as its own clients use it."""
