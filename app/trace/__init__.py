"""Events out of the core: what happened, as frozen values, into a sink that the core was given."""
