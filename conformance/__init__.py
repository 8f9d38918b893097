"""Conformance: recorded executions of AWS Step Functions, run against the core in virtual time."""
