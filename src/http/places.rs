//! A number of places that can be changed while they are taken: for connections, and for requests that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many places. Clones share them.
#[derive(Debug, Clone)]
pub struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    free: Arc<Semaphore>,
    /// How many there are, taken or not.
    wanted: AtomicUsize,
    /// Taken places that go when they come free, since fewer are wanted.
    surplus: AtomicUsize,
}

/// A taken place.
#[derive(Debug)]
pub struct Place {
    places: Places,
    permit: Option<OwnedSemaphorePermit>,
}

impl Places {
    /// So many, all free.
    pub fn new(wanted: u32) -> Places {
        let wanted = wanted as usize;
        Places(Arc::new(Shared {
            free: Arc::new(Semaphore::new(wanted)),
            wanted: AtomicUsize::new(wanted),
            surplus: AtomicUsize::new(0),
        }))
    }

    /// Waits for a place. Nothing is lost when this is dropped before it is ready.
    pub async fn take(&self) -> Option<Place> {
        Arc::clone(&self.0.free).acquire_owned().await.ok().map(|permit| self.place(permit))
    }

    /// A place, if one is free.
    pub fn try_take(&self) -> Option<Place> {
        Arc::clone(&self.0.free).try_acquire_owned().ok().map(|permit| self.place(permit))
    }

    /// Another number of places. Nobody loses theirs: where there are too many, they go as they come free. Not for two
    /// at once.
    pub fn resize(&self, wanted: u32) {
        let (wanted, shared) = (wanted as usize, &self.0);
        let before = shared.wanted.swap(wanted, Ordering::AcqRel);
        if wanted >= before {
            let more = wanted - before;
            let kept = shared.pay(more);
            shared.free.add_permits(more - kept);
        } else {
            let fewer = before - wanted;
            // In this order: a place that comes free meanwhile counts either as surplus or as free, never as neither.
            shared.surplus.fetch_add(fewer, Ordering::AcqRel);
            let gone = shared.free.forget_permits(fewer);
            let paid = shared.pay(gone);
            shared.free.add_permits(gone - paid);
        }
    }

    fn place(&self, permit: OwnedSemaphorePermit) -> Place {
        Place { places: self.clone(), permit: Some(permit) }
    }
}

impl Shared {
    /// Takes up to `most` off the surplus; says how many.
    fn pay(&self, most: usize) -> usize {
        let less = |surplus: usize| Some(surplus - surplus.min(most));
        let before = self.surplus.fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
        before.map_or(0, |surplus| surplus.min(most))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take()
            && self.places.0.surplus.load(Ordering::Relaxed) > 0
            && self.places.0.pay(1) == 1
        {
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_places_is_kept_whatever_it_is_changed_to() {
        let places = Places::new(3);
        let mut taken: Vec<_> = (0..3).map_while(|_| places.try_take()).collect();
        assert!(taken.len() == 3 && places.try_take().is_none());
        places.resize(1);
        taken.truncate(1);
        assert!(places.try_take().is_none(), "one is wanted and one is taken");
        taken.clear();
        taken.extend((0..3).map_while(|_| places.try_take()));
        assert_eq!(taken.len(), 1);
        places.resize(5);
        taken.extend((0..9).map_while(|_| places.try_take()));
        assert_eq!(taken.len(), 5);
        // Down and up again while all are taken.
        places.resize(2);
        places.resize(4);
        taken.truncate(3);
        taken.extend((0..9).map_while(|_| places.try_take()));
        assert_eq!(taken.len(), 4);
    }

    #[tokio::test]
    async fn whoever_waits_gets_a_place_when_there_are_more() {
        let places = Places::new(1);
        let only = places.take().await.unwrap();
        let waiting = tokio::spawn({
            let places = places.clone();
            async move { places.take().await.is_some() }
        });
        tokio::task::yield_now().await;
        places.resize(2);
        assert!(waiting.await.unwrap());
        drop(only);
    }
}
