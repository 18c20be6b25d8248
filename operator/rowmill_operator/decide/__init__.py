"""What is done next with an Experiment: pure functions of what was observed."""
