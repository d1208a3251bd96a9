"""The arguments of call functions: values of a closed table, in whatever form a model gives them."""
