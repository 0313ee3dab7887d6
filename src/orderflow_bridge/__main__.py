"""`python -m orderflow_bridge` is the command line."""

from orderflow_bridge.cli import main

if __name__ == "__main__":
    main()
