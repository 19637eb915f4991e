//! Threads on which trees may be visited and dropped.

/// Stack of each thread, in bytes. Deep syntax trees are visited and dropped by recursion; the memory is reserved, not
/// used, until a file needs it.
const STACK: usize = 256 << 20;

/// A pool of so many threads (by default one a processor) with stacks that bear the deepest trees that
/// [`crate::parse`] lets through.
pub fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool, rayon::ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).stack_size(STACK).build()
}
