"""The registry: state machines that users create over the API, with their versions, aliases and tags."""
