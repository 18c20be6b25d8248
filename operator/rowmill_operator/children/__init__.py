"""The objects that an Experiment owns, each built by a pure function of what it follows from."""
