"""How many experiments the operator bears, on a real control plane with simulated pods."""
