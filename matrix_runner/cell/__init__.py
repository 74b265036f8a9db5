"""One cell in one container: what it holds (facts), which steps (recipe, pure), and their performance (runner)."""
