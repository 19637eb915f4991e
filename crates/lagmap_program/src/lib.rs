//! Links the facts of all files into one program: names, values, calls, contexts, effects.
