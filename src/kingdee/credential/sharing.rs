//! How replicas come by one set together: take what another has fetched, or be the one who fetches, or wait for whoever is.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio::time::{Instant, sleep};

use super::fleet::{Found, LEASE, Sought};
use super::grant::Grant;
use super::set::Fetched;
use super::source::Source;
use crate::kingdee::failure::KingdeeError;
use crate::shared::seal::Name;

/// How often those who wait look.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a replica has already, and why it wants another.
#[derive(Debug, Default)]
pub struct Wanted {
    /// The grant that is held, if any.
    pub held: Option<Arc<Grant>>,
    /// The token that is due, dead or doubted: any other will do.
    pub not: Option<HeaderValue>,
    /// A token that has had this much of its life is due, in percent.
    pub refresh_percent: u8,
}

/// Fetches a set: from the fleet if there is one and it has one, from Kingdee otherwise.
///
/// # Errors
/// As [`Source::fetch`].
pub async fn fetch(source: &Source, wanted: Wanted, deadline: Instant) -> Result<Fetched, KingdeeError> {
    let Some(fleet) = source.fleet() else {
        return source.fetch(wanted.held, deadline).await;
    };
    // By our own clock: a lease may have been left without an end.
    let until = Instant::now() + LEASE;
    let (patience, mut seen) = (fleet.patience(), Name::default());
    while Instant::now() < until {
        let left = patience.left();
        let Ok(Sought { name, found, lease }) = fleet.find_or_lease(&seen, &patience).await else { break };
        if let Some(lease) = lease {
            let fetched = source.fetch(wanted.held, deadline).await;
            fleet.done(lease, fetched.as_ref().ok());
            return fetched;
        }
        if let Some(fetched) = found.and_then(|found| wanted.accept(source, found)) {
            return Ok(fetched);
        }
        if std::mem::replace(&mut seen, name.clone()) == name {
            // Another replica is at it, and would be waited for anyway.
            patience.restore(left);
            sleep(LOOK_EVERY).await;
        }
    }
    source.fetch(wanted.held, deadline).await
}

/// What another replica has fetched, without asking Kingdee.
pub async fn find(source: &Source, wanted: &Wanted) -> Option<Fetched> {
    wanted.accept(source, source.fleet()?.find().await.ok()??)
}

impl Wanted {
    fn accept(&self, source: &Source, found: Found) -> Option<Fetched> {
        let (asked, life) = found.lives;
        let due = asked.after(life * u32::from(self.refresh_percent.min(100)) / 100);
        if self.not.as_ref() == Some(&found.token) || source.clock().tick() >= due {
            return None;
        }
        let grant = source.adopt(&found)?;
        Some(Fetched { grant, token: found.token, lives: found.lives })
    }
}
