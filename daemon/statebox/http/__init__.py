"""HTTP: the seed's endpoint, the Step Functions protocol, continuations, executions and health."""
