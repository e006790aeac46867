//! The one way in which the sandbox locks.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, whatever happened to the one who held it: nothing here is left half changed.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
