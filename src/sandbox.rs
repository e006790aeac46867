//! A stand-in for Kingdee that anyone can run: it verifies as the platform does and serves a seeded ledger.
//!
//! It knows none of our rooms, only the clock: a mistake in our signing must not be shared by the thing that checks
//! it. What it does not imitate: TLS, the pushed authorisation, encrypted fields, and whatever `protocol.md` §9
//! calls a gap, where it takes the reading that is hardest on the caller.
//!
//! In reading order: who and what is in it ([`members`], [`settings`]), the ledger (rows, question, [`readings`], ledger,
//! shape),
//! how an answer is given (payload, refusal, codes) and spoiled ([`fault`], gzip), the gate (signature, limits,
//! credentials, checks), what is counted ([`calls`], [`meter`]) and switched ([`latency`], [`schedule`], bad_day), and
//! who runs it ([`control`], platform, listener, order, admin).
//!
//! # Rehearse a bad day
//!
//! `points-gateway sandbox` listens on an admin port as well, 8091 if not said otherwise. Every order is JSON, every
//! answer the state; a wrong order is a 400 that lists what is allowed.
//!
//! ```sh
//! order() { curl -s -H 'Content-Type: application/json' -d "$1" http://127.0.0.1:8091/sandbox/faults; }
//! order '{"fault":"hang","times":3}'                                    # the next three answers never come
//! order '{"fault":{"code":5007},"percent":20,"seed":1}'                 # one in five is an overload
//! order '{"endpoint":"token","fault":{"throttled":{"retry_after":7}}}'  # the token endpoint throttles
//! order '{"fault":{"gzip_bomb":4096}}'                                  # 4 GiB in 4 MiB
//! order '{"latency":{"pareto":{"least_ms":20,"shape":1.2,"most_ms":5000}}}'
//! order '{"every":{"job":"rotate_app_secret","seconds":60}}'            # or expire_tokens, move_domain
//! order '{"move_domain":"no_route","clock_offset_seconds":-600,"idle_timeout_seconds":5,"grow_while_paging":1}'
//! order '{"readings":{"order":"oldest_first","end":"exclusive","page_size_cap":50}}'   # what documents leave open
//! curl -s http://127.0.0.1:8091/sandbox/state                           # what is on, calls, the busiest minute
//! curl -s -X DELETE http://127.0.0.1:8091/sandbox/faults                # a good day again
//! ```

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::Request;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::clock::Clock;

pub mod members;
pub mod settings;
mod lock;
mod dice;
mod rows;
mod question;
pub mod readings;
mod ledger;
mod shape;
mod payload;
mod refusal;
mod codes;
mod gzip;
mod spoiled;
pub mod fault;
mod signature;
mod limits;
mod jwt;
mod credentials;
mod checks;
pub mod calls;
pub mod meter;
mod traffic;
pub mod latency;
mod plan;
pub mod schedule;
mod bad_day;
pub mod control;
mod platform;
mod listener;
mod order;
mod admin;

pub use calls::{Calls, Endpoint, Received};
pub use control::Control;
pub use credentials::FormerDomain;
pub use fault::Fault;
pub use latency::{Latency, Pareto};
pub use members::{MEMBERS, SandboxMember};
pub use meter::{AccountMinute, BusiestMinute};
pub use readings::{Bound, Readings, RowOrder, SpaceReading, UnknownMember};
pub use schedule::Job;
pub use settings::{AccountSet, SandboxSettings};

use platform::Platform;

/// A running sandbox; it ends when dropped.
pub struct Sandbox {
    address: SocketAddr,
    admin_address: Option<SocketAddr>,
    control: Control,
    tasks: TaskTracker,
    stop: DropGuard,
}

impl Sandbox {
    /// Binds and serves, on the runtime that it is called on.
    ///
    /// # Errors
    /// When an address can't be bound.
    pub async fn start(settings: SandboxSettings, clock: Clock) -> io::Result<Sandbox> {
        let listener = TcpListener::bind(settings.listen).await?;
        let admin = match settings.admin_listen {
            Some(listen) => Some(TcpListener::bind(listen).await?),
            None => None,
        };
        let address = listener.local_addr()?;
        let admin_address = admin.as_ref().map(TcpListener::local_addr).transpose()?;
        let control = Control::new(&settings, clock);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let platform = Arc::new(Platform::new(settings, control.clone()));
        let answer = move |request: Request<Incoming>| {
            let platform = platform.clone();
            async move { platform.answer(request).await }
        };
        tasks.spawn(listener::serve(listener, answer, control.day().idle_timeout(), stop.clone()));
        if let Some(listener) = admin {
            let (control, stopped) = (control.clone(), stop.clone());
            let answer = move |request: Request<Incoming>| {
                let control = control.clone();
                async move { Ok(admin::answer(&control, request).await) }
            };
            let always = watch::Sender::new(None);
            let idle = always.subscribe();
            tasks.spawn(async move {
                let _kept = always; // a closed channel would look like a change
                listener::serve(listener, answer, idle, stopped).await;
            });
        }
        Ok(Sandbox { address, admin_address, control, tasks, stop: stop.drop_guard() })
    }

    /// Where the stand-in for api.kingdee.com is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where faults are switched from outside, if anywhere.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// The strings behind it.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Cuts all connections and waits until the ports are free.
    pub async fn stop(self) {
        drop(self.stop);
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sandbox({})", self.address)
    }
}

#[cfg(test)]
mod tests;
