"""The worker processes of one machine, and the supervisor that hands them shards."""
