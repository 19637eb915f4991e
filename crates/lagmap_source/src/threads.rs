//! Threads on which trees may be visited and dropped.

/// Stack of each thread, in bytes. Deep syntax trees are visited and dropped by recursion; the memory is reserved, not
/// used, until a file needs it.
const STACK: usize = 256 << 20;

/// A pool of so many threads (by default one a processor) with stacks that bear the deepest trees that
/// [`crate::parse`] lets through.
pub fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool, rayon::ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).stack_size(STACK).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes some two KiB of stack a level.
    fn descend(levels: usize) -> usize {
        let room = std::hint::black_box([levels; 128]);
        if levels == 0 { 0 } else { 1 + descend(levels - 1).min(room[0]) }
    }

    #[test]
    fn stacks_are_as_large_as_promised() {
        assert_eq!(pool(Some(1)).unwrap().install(|| descend(80_000)), 80_000);
    }

    #[test]
    fn has_as_many_threads_as_asked_for() {
        assert_eq!(pool(Some(3)).unwrap().current_num_threads(), 3);
        assert!(pool(None).unwrap().current_num_threads() > 0);
    }
}
