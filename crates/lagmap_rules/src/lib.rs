//! One rule, one file: each asks the program for an effect in a context and yields findings.
