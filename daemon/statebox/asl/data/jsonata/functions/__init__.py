"""The functions of JSONata, and those that Step Functions adds."""
