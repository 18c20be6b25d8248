"""Tests of pure parts: no server, no cluster."""
