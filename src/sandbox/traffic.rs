//! What arrived: counts, the busiest minute, and the last requests as they came.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::watch;

use super::calls::{Calls, Endpoint, Received};
use super::lock::lock;
use super::meter::{BusiestMinute, Meter};
use crate::clock::Tick;

/// Requests remembered; the oldest go first.
const MOST_RECEIVED: usize = 512;

/// Everything counted since the start or the last reset.
pub struct Traffic {
    calls: Mutex<Calls>,
    meter: Mutex<Meter>,
    received: Mutex<VecDeque<Received>>,
    records: watch::Sender<u64>,
}

impl Traffic {
    /// Nothing yet.
    pub fn new() -> Traffic {
        Traffic {
            calls: Mutex::default(),
            meter: Mutex::default(),
            received: Mutex::default(),
            records: watch::Sender::new(0),
        }
    }

    /// Counts from zero again and forgets the requests.
    pub fn reset(&self) {
        *lock(&self.calls) = Calls::default();
        *lock(&self.meter) = Meter::default();
        lock(&self.received).clear();
        self.records.send_replace(0);
    }

    /// A request came.
    pub fn note_arrival(&self, request: Received, now: Tick) {
        let endpoint = request.endpoint;
        let mut received = lock(&self.received);
        if received.len() >= MOST_RECEIVED {
            received.pop_front();
        }
        received.push_back(request);
        drop(received);
        lock(&self.meter).count(endpoint, now);
        let mut calls = lock(&self.calls);
        match endpoint {
            Endpoint::Authorize => calls.authorize += 1,
            Endpoint::Token => calls.token += 1,
            Endpoint::Record => calls.record += 1,
        }
        drop(calls);
        if endpoint == Endpoint::Record {
            self.records.send_modify(|arrived| *arrived += 1);
        }
    }

    /// Whose request it was.
    pub fn note_account(&self, account: &str, endpoint: Endpoint, now: Tick) {
        lock(&self.meter).count_account(account, endpoint, now);
    }

    /// A request was refused.
    pub fn note_refusal(&self, code: u64) {
        *lock(&self.calls).refused.entry(code).or_default() += 1;
    }

    /// Waits until so many calls of `integral_record` have arrived.
    pub async fn arrived(&self, calls: u64) {
        // The sender lives as long as we do, so this can't fail.
        let _ = self.records.subscribe().wait_for(|arrived| *arrived >= calls).await;
    }

    /// Calls by endpoint and refusals by code.
    pub fn calls(&self) -> Calls {
        lock(&self.calls).clone()
    }

    /// The busiest minutes.
    pub fn busiest_minute(&self) -> BusiestMinute {
        lock(&self.meter).busiest()
    }

    /// The last requests, oldest first.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.received).iter().cloned().collect()
    }
}
