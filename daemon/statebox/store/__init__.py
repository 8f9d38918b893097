"""The store: executions in Redis. Every change of state is one Lua script, every wakeup is only a hint."""
