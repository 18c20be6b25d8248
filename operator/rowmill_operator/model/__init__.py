"""What the operator speaks of: what was observed, what is desired, conditions, actions."""
