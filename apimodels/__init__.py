"""API models: makes the excerpt of the models of AWS's APIs against which mocked results are checked."""
