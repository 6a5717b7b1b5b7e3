"""The rules: how differentials pass through each operation of the graph."""
