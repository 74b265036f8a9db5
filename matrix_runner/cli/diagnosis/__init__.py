"""What `runner doctor` examines, as the command line names it."""
