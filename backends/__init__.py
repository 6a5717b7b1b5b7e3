"""The back ends: what runs a graph on a machine."""
