//! Processing many conversations in parallel, but large ones one after the other: each may have a
//! turn of megabytes in memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Returns the results of `look` for all items, without `None`, in no particular order.
pub(super) fn parallel_filter_map<T: Sync, R: Send>(
    items: &[T],
    is_large: impl Fn(&T) -> bool + Sync,
    look: impl Fn(&T) -> Option<R> + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let large = Mutex::new(());
    let work = || {
        let mut found = Vec::new();
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            let alone =
                is_large(item).then(|| large.lock().unwrap_or_else(PoisonError::into_inner));
            found.extend(look(item));
            drop(alone);
        }
        found
    };
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(items.len());
    if threads < 2 {
        return work();
    }
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut found = work();
        for other in others {
            found.extend(other.join().expect("what it does does not panic"));
        }
        found
    })
}
