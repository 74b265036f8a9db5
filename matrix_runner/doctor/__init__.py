"""What stands in the way of a build on this machine: facts are gathered, then judged, a module for each question."""
