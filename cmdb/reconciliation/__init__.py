"""From what sources say to what the graph should hold: claims, identification, plan, and its application.

An importer's claims are gathered and checked, identified, and compared with what stands and with what other sources
claim; that is a `Plan`. Applying it goes through the door in chunks, each with its claims.
"""
