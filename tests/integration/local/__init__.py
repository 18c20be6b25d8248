"""The one-machine engine on its embedded servers."""
