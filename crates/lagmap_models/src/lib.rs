//! The API catalogue: what known calls do, cost and return.
