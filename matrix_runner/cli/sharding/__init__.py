"""Builds that are spread over CI jobs: `runner matrix`, `runner build --shard`, and `runner collect` at the end."""
