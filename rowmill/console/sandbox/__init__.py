"""Work on a manifest, which is anybody's text, in processes of their own and under limits."""
