"""What a layer is: the value class of all nets, the declaration of layers, parameters, ports, arrays, initial values, traced functions."""
