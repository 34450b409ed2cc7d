"""`gannorm evaluate`: any source of samples, measured under a named protocol, beside real data and other sources."""
