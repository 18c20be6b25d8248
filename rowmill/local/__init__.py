"""The one-machine engine: the embedded servers, and a run over worker processes."""
