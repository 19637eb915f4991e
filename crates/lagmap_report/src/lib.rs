//! One renderer a file over one Report value.
