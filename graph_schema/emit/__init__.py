"""What follows from a model: constraints, indexes, schemas and tables. All pure."""
