"""The engine: knows time and tasks, but neither Redis nor HTTP. It advances, checkpoints and reconciles."""
