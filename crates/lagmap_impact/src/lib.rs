//! Cost intervals, severity, confidence, ranking and grouping of findings.
