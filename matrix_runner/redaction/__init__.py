"""What must not be read by others: which values of a run are secret, and their masks in all that it says or keeps."""
