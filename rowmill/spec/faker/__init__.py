"""Faker's providers as data: names, locales, arguments, lengths, numbers of values."""
