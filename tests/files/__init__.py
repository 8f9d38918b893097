"""Files: what a distributed Map reads and writes."""
