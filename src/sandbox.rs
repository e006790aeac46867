//! A stand-in for Kingdee that anyone can run: it verifies as the platform does and serves a seeded ledger.
//!
//! It knows none of our rooms, only the clock: a mistake in our signing must not be shared by the thing that checks
//! it. What it does not imitate: TLS, the pushed authorisation, encrypted fields, and whatever `protocol.md` §9
//! calls a gap, where it takes the reading that is hardest on the caller.
//!
//! In reading order: who and what is in it ([`members`], [`settings`]), the ledger (rows, question, ledger, shape),
//! how an answer is given (payload, refusal, [`fault`]), the gate (signature, limits, credentials, checks), and who
//! runs it ([`calls`], [`control`], platform, listener, admin).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::Request;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::clock::Clock;

pub mod members;
pub mod settings;
mod rows;
mod question;
mod ledger;
mod shape;
mod payload;
mod refusal;
pub mod fault;
mod signature;
mod limits;
mod credentials;
mod checks;
pub mod calls;
pub mod control;
mod platform;
mod listener;
mod admin;

pub use calls::{Calls, Endpoint, Received};
pub use control::Control;
pub use fault::Fault;
pub use members::{MEMBERS, SandboxMember};
pub use settings::{AccountSet, SandboxSettings, SpaceReading};

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
        tasks.spawn(listener::serve(listener, answer, stop.clone()));
        if let Some(listener) = admin {
            let control = control.clone();
            let answer = move |request: Request<Incoming>| {
                let control = control.clone();
                async move { admin::answer(&control, request).await }
            };
            tasks.spawn(listener::serve(listener, answer, stop.clone()));
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
