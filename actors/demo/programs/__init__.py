"""The demo's workloads: small programs of the standard library alone, copied to the demo's directory and run there."""
