"""Prior and record to posterior: each method gives back a state and, apart, what people should know."""
