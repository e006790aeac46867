//! Everything that speaks Kingdee's protocol: lane → credential → sign → transport → wire.
//!
//! The one public verb is [`Kingdee::chunk`]: a chunk key in, a believed answer out.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::tz::TimeZone;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::domain::account::AccountIndex;
use crate::domain::ledger::{ChunkKey, LedgerAnswer};
use crate::shared::Shared;

pub mod settings;
pub mod call;
pub mod failure;
pub mod account;
pub mod lane;
pub mod credential;
pub mod record;
pub mod exchange;
pub mod sign;
pub mod transport;
pub mod reply;
pub mod wire;
pub mod router;
pub mod classify;
pub mod scrub;
pub mod alarm;
pub mod skew;
pub mod recovery;
pub mod tally;
pub mod snapshot;
mod adopt;

use account::Account;
use alarm::Alarm;
pub use call::{Call, Priority};
use credential::fleet::Fleet;
use credential::{Keeper, Source};
use exchange::Exchange;
pub use failure::{Failure, KingdeeError};
use lane::Lane;
use lane::fleet::FleetQuota;
pub use settings::KingdeeSettings;
use settings::WindowEnd;
pub use snapshot::Snapshot;
use tally::Tally;

pub use adopt::{Adopted, Prepared};

/// The client for all account sets. Clones share everything.
#[derive(Clone)]
pub struct Kingdee(Arc<Client>);

struct Client {
    exchange: Exchange,
    default: Account,
    others: Vec<Account>,
    chunk_rows: u8,
    window_end: WindowEnd,
    /// As they are in force.
    settings: ArcSwap<KingdeeSettings>,
    clock: Clock,
}

impl Kingdee {
    /// Prepares clients and lanes; nothing is sent yet. `shared` is there where replicas share a tier.
    ///
    /// # Errors
    /// When the TLS client can't be built on this machine, or no account set is configured.
    pub fn new(
        settings: KingdeeSettings,
        shared: Option<Shared>,
        clock: Clock,
    ) -> Result<Kingdee, KingdeeError> {
        let exchange = Exchange::new(&settings, clock.clone())?;
        Kingdee::over(exchange, settings, shared, clock)
    }

    fn over(
        exchange: Exchange,
        settings: KingdeeSettings,
        shared: Option<Shared>,
        clock: Clock,
    ) -> Result<Kingdee, KingdeeError> {
        let suffixes: Arc<[String]> = settings.router_suffixes.clone().into();
        let call_timeout = settings.transport.call_timeout;
        let mut accounts = settings.accounts.iter().cloned().map(|account| {
            let whose = settings.identity(&account);
            let fleet = shared.clone().map(|s| Fleet::new(s, &account.name, &whose, clock.clone()));
            let quota = shared.clone().map(|s| FleetQuota::new(s, &account.name, &settings.lane));
            let source = Source::new(
                exchange.clone(),
                account.authorization,
                suffixes.clone(),
                settings.token_max_life,
                fleet,
                clock.clone(),
            );
            let percent = settings.token_refresh_percent;
            let keeper = Keeper::new(account.name.clone(), source, percent, call_timeout, clock.clone());
            Account {
                keeper: ArcSwap::from_pointee(keeper),
                name: account.name,
                zone: account.time_zone,
                lane: Lane::new(&settings.lane, quota, clock.clone()),
                alarm: Alarm::default(),
                tally: Tally::default(),
                clock: clock.clone(),
            }
        });
        let nobody = || KingdeeError::because(Failure::Configuration, "no account set is configured");
        let (default, others) = (accounts.next().ok_or_else(nobody)?, accounts.collect());
        Ok(Kingdee(Arc::new(Client {
            exchange,
            default,
            others,
            chunk_rows: settings.chunk_rows,
            window_end: settings.window_end,
            settings: ArcSwap::from_pointee(settings),
            clock,
        })))
    }

    /// Reads one chunk of a ledger from Kingdee, before the caller's deadline and within the call's own time.
    ///
    /// # Errors
    /// [`KingdeeError`] with the class that decides what the app gets.
    pub async fn chunk(&self, key: &ChunkKey, call: Call<'_>) -> Result<LedgerAnswer, KingdeeError> {
        let client = &self.0;
        let account = client.account(key.selection.account).ok_or_else(|| {
            KingdeeError::because(Failure::Configuration, "no such account set is configured")
        })?;
        let deadline = call.deadline.min(Instant::now() + client.exchange.call_timeout());
        let call = Call { deadline, ..call };
        let params = record::params(key, client.chunk_rows, &account.zone, client.window_end);
        let answer = account.records(&client.exchange, &params, call).await;
        account.tally.call(&answer);
        answer.inspect_err(|error| account.alarm.consider(&account.name, error, &client.clock))
    }

    /// How every account set stands, in the order in which they are configured.
    pub fn snapshot(&self) -> Vec<Snapshot> {
        let client = &self.0;
        let accounts = std::iter::once(&client.default).chain(&client.others);
        accounts.map(|account| Snapshot::of(account, client.exchange.skew())).collect()
    }

    /// Every account set's name with everything but the question that decides which rows an answer has, as configured
    /// now: replicas that differ in it must not share rows.
    pub fn shapes(&self) -> impl Iterator<Item = (String, String)> {
        let client = &self.0;
        let accounts = std::iter::once(&client.default).chain(&client.others);
        let settings = client.settings.load_full();
        accounts.map(move |account| {
            let zone = account.zone.iana_name().unwrap_or_default();
            let theirs = settings.accounts.iter().find(|theirs| theirs.name == account.name);
            let whose = theirs.map(|theirs| settings.identity(theirs)).unwrap_or_default();
            let shape = format!("{}/{:?}/{zone}/{whose}", client.chunk_rows, client.window_end);
            (account.name.to_string(), shape)
        })
    }

    /// Names of all account sets, in the order in which they are configured.
    pub fn account_names(&self) -> impl Iterator<Item = &str> {
        let accounts = std::iter::once(&self.0.default).chain(&self.0.others);
        accounts.map(|account| account.name.as_str())
    }

    /// Rows in one chunk.
    pub fn chunk_rows(&self) -> u8 {
        self.0.chunk_rows
    }

    /// The zone of an account set's times; the default one's if there is no such account set.
    pub fn time_zone(&self, account: AccountIndex) -> &TimeZone {
        &self.0.account(account).unwrap_or(&self.0.default).zone
    }

    /// Name of an account set, as configured; the default one's if there is no such account set.
    pub fn account_name(&self, account: AccountIndex) -> &str {
        self.0.account(account).unwrap_or(&self.0.default).name.as_str()
    }
}

impl Client {
    fn account(&self, index: AccountIndex) -> Option<&Account> {
        match index.as_usize() {
            0 => Some(&self.default),
            n => self.others.get(n - 1),
        }
    }
}

#[cfg(test)]
mod stub;
#[cfg(test)]
mod tests;
