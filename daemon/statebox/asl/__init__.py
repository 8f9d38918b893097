"""The Amazon States Language as a pure function: `advance` turns an execution and an event into the next execution.

Nothing below this package does I/O, reads a clock or draws a random number: the moment comes in as an argument.
"""
