"""Containers and operators: from the user's notation to nodes, edges and typed nets."""
