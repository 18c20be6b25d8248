"""What makes and checks files of the repository; run as `python -m scripts.NAME`."""
