"""The API server: asked, written to, its answers judged, its clock."""
