//! Flights: one fetch a key, however many ask, and it goes on when the one who started it hangs up.
//!
//! Not moka's `get_with`: there the first caller *is* the fetch, so a caller that hangs up starts it anew for the
//! next one, and after 200 such callers a waiter panics (`tests/it/moka_facts.rs` pins both on 0.12.16).
//! Here the fetch is a task of its own; callers only watch.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::telemetry::trace::Context;

/// Fetches under way. `K` says what is fetched, `V` is what everyone gets.
pub struct Flights<K, V> {
    under_way: Arc<Mutex<Table<K, V>>>,
    runtime: Handle,
}

type Table<K, V> = HashMap<K, UnderWay<V>>;

struct UnderWay<V> {
    landing: watch::Receiver<Option<V>>,
    place: Context,
}

/// A seat on a flight.
pub struct Seat<V> {
    landing: watch::Receiver<Option<V>>,
    /// Whether somebody else had started it.
    pub joined: bool,
    /// Where it is in the trace of whoever started it.
    pub place: Context,
}

impl<V: Clone> Seat<V> {
    /// Waits for the end. `None` if the fetch died without a result, which is a bug of the fetch.
    pub async fn landed(mut self) -> Option<V> {
        self.landing.wait_for(Option::is_some).await.ok().and_then(|v| v.clone())
    }
}

/// What boarding came to.
pub enum Boarded<V> {
    /// The flight landed between the caller's look and its arrival here: no need to fly.
    AlreadyThere(V),
    /// A seat.
    Seat(Seat<V>),
}

impl<K, V> Flights<K, V>
where
    K: Eq + Hash + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Flights whose fetches run on `runtime`, whoever asks.
    pub fn on(runtime: Handle) -> Flights<K, V> {
        Flights { under_way: Arc::default(), runtime }
    }

    /// Joins the flight for `key`, or starts one with `fetch`.
    ///
    /// `look_again` closes the gap between a caller's miss and its arrival: it runs under the lock, after the
    /// last flight has left the table and stored its result. So does `fetch`, which says where the flight is in a trace.
    /// Both must be quick and must not board.
    pub fn board<F>(
        &self,
        key: K,
        look_again: impl FnOnce() -> Option<V>,
        fetch: impl FnOnce() -> (Context, F),
    ) -> Boarded<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        match under_way.entry(key.clone()) {
            Entry::Occupied(flight) => {
                let UnderWay { landing, place } = flight.get();
                Boarded::Seat(Seat { landing: landing.clone(), joined: true, place: place.clone() })
            }
            Entry::Vacant(free) => {
                if let Some(there) = look_again() {
                    return Boarded::AlreadyThere(there);
                }
                let (lander, landing) = watch::channel(None);
                let (place, fetch) = fetch();
                free.insert(UnderWay { landing: landing.clone(), place: place.clone() });
                drop(under_way);
                let departure = Departure { table: Arc::clone(&self.under_way), key };
                self.runtime.spawn(async move {
                    let departure = departure; // leaves the table even if the fetch panics
                    let value = fetch.await;
                    drop(departure);
                    let _ = lander.send(Some(value)); // nobody may be watching any more
                });
                Boarded::Seat(Seat { landing, joined: false, place })
            }
        }
    }

    /// Flights under way.
    pub fn count(&self) -> usize {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Takes its key off the table when dropped.
struct Departure<K: Eq + Hash, V> {
    table: Arc<Mutex<Table<K, V>>>,
    key: K,
}

impl<K: Eq + Hash, V> Drop for Departure<K, V> {
    fn drop(&mut self) {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
