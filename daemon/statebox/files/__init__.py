"""Files: reads the items of a distributed Map from a configured folder and writes its results there."""
