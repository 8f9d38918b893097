"""JSONata as Step Functions speaks it: jsonata-python reads the expressions, and what they mean is decided here."""
