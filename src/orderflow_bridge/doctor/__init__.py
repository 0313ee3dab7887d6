"""What stands in the way, and the fix of each: for the command line and the console."""
