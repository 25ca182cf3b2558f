"""GitHub's JSON, made from records and git objects: one module per thing that GitHub shows."""
