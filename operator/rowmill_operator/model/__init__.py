"""What the operator speaks of: what was observed, what is wished, conditions, actions."""
