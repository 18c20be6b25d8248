"""The typed manifest, field by field, and the status that the operator writes."""
