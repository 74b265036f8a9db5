"""What CI jobs made, collected: held against what is expected of them all together, then merged, or refused."""
