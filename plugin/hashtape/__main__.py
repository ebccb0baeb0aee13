"""`python -m hashtape`: the command line."""

from hashtape.cli import main

if __name__ == "__main__":
    main()
