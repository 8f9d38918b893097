"""The excerpt of the models of AWS's APIs."""
