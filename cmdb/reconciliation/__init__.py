"""From what sources say to what the graph should hold: claims, identification, plan, and its application."""
