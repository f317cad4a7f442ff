"""The ways to reach people. Each sends one message and tells what came of it; none keeps or logs an address."""
