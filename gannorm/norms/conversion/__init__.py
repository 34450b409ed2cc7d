"""Exchange the norms of a model that exists: `plan`, `convert`, their report."""
