"""Who may call: by where a call comes from, and by what it carries."""
