"""`python -m clients` is vmemctl, for a tree that is not installed."""

from clients.cli import main

if __name__ == "__main__":
    main()
