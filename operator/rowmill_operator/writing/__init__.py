"""What the operator writes: children and changes of them, statuses, Events."""
