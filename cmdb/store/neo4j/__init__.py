"""The store on Neo4j, and a local server for it."""
