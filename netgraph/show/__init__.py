"""What people see: the summary table of a net, its drawing, the live line of training and the curves of its losses."""
