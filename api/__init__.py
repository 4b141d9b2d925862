"""The HTTP door: GraphQL, health and metrics over an opened application."""
