"""How often the graph is right: its cards against labels that people made."""
