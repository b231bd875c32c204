"""The command line. Commands read arguments, call one function of a lower room and print."""
