"""The graph: tensor expressions and everything that reads or rewrites them."""
