"""Manifests judged and plans frozen in a process of their own."""
