"""A finished run, rendered: report.json, the summary on the console, the page of GitHub Actions."""
