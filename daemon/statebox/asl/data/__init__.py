"""How data flows through a state: paths, templates, intrinsic functions and the two query languages."""
