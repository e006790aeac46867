//! Who waits for a turn, in which order: users before refreshes before exports, each in the order in which they came.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::kingdee::call::Priority;

/// A place in the queue. Places sort by who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    priority: Priority,
    number: u64,
}

/// The queue of one lane. Only its head may go, and is rung for when something has changed.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: BTreeMap<Place, Arc<Notify>>,
    next: u64,
}

impl Queue {
    /// The share of `seats` that a priority may fill: the last half is kept for users, and half of the rest from
    /// exports. Whoever can't be served soon is told so before those who matter more are in danger.
    pub fn seats(seats: u32, priority: Priority) -> u32 {
        match priority {
            Priority::User => seats,
            Priority::Refresh => seats / 2,
            Priority::Export => seats / 4,
        }
    }

    /// Sits down behind everybody of the same priority. The bell rings when it may be worth trying to go.
    pub fn sit(&mut self, priority: Priority) -> (Place, Arc<Notify>) {
        let place = Place { priority, number: self.next };
        self.next += 1;
        let bell = Arc::new(Notify::new());
        self.waiting.insert(place, bell.clone());
        (place, bell)
    }

    /// Gives a place up.
    pub fn leave(&mut self, place: Place) {
        self.waiting.remove(&place);
    }

    /// Whether this place is the next to go.
    pub fn is_head(&self, place: Place) -> bool {
        self.waiting.first_key_value().is_some_and(|(head, _)| *head == place)
    }

    /// Tells the head that something has changed. A bell that nobody listens to yet stays rung.
    pub fn ring(&self) {
        if let Some((_, bell)) = self.waiting.first_key_value() {
            bell.notify_one();
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> u32 {
        u32::try_from(self.waiting.len()).unwrap_or(u32::MAX)
    }

    /// How many would go before a newcomer.
    pub fn ahead_of(&self, priority: Priority) -> u32 {
        let newcomer = Place { priority, number: self.next };
        u32::try_from(self.waiting.range(..newcomer).count()).unwrap_or(u32::MAX)
    }
}
