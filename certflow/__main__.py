"""`python -m certflow` is the command `certflow`."""

from certflow.cli import main

if __name__ == "__main__":
    main()
