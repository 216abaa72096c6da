"""What flows along an edge: kinds, sizes that know their reason, port types, and the store that solves them. No torch here."""
