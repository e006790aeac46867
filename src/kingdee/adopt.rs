//! Other settings while calls go on: what is under way ends as it began, what begins from now on begins with the new ones.

use std::sync::Arc;

use secrecy::ExposeSecret as _;

use super::account::Account;
use super::credential::Keeper;
use super::exchange::Manner;
use super::settings::{AccountSettings, KingdeeSettings};
use super::{Kingdee, KingdeeError};
use crate::domain::account::AccountIndex;

/// Settings that can be adopted without a fault.
pub struct Prepared {
    settings: KingdeeSettings,
    manner: Manner,
}

/// What adopting settings came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Adopted {
    /// Account sets that are read from elsewhere now: rows read before may be another account set's.
    pub elsewhere: Vec<AccountIndex>,
}

impl Kingdee {
    /// Prepares for other settings, and changes nothing yet. May take its time: it can read every root certificate of the
    /// machine.
    ///
    /// Account sets are taken by their place: there are as many as before, in the same order, with the same zones; so
    /// are chunk size and window end the same.
    ///
    /// # Errors
    /// When the TLS client can't be built on this machine.
    pub fn prepare(&self, settings: KingdeeSettings) -> Result<Prepared, KingdeeError> {
        let manner = self.0.exchange.prepare(&self.0.settings.load(), &settings)?;
        Ok(Prepared { settings, manner })
    }

    /// Takes prepared settings over. Lanes keep their state, tokens live on where the same app asks for the same account
    /// set.
    pub fn adopt(&self, Prepared { settings, manner }: Prepared) -> Adopted {
        let (client, new) = (&self.0, Arc::new(settings));
        client.exchange.adopt(manner);
        let old = client.settings.swap(Arc::clone(&new));
        let accounts = std::iter::once(&client.default).chain(&client.others);
        let mut adopted = Adopted::default();
        for (number, (account, settings)) in (0..).zip(accounts.zip(&new.accounts)) {
            account.lane.adopt(&new.lane);
            let before = old.accounts.iter().find(|before| before.name == settings.name);
            let same = before.is_some_and(|before| old.identity(before) == new.identity(settings));
            if !same {
                adopted.elsewhere.push(AccountIndex(number));
            }
            if !same || needs_another_keeper(&old, before, &new, settings) {
                account.keeper.store(Arc::new(successor(account, &new, settings, same)));
            }
        }
        adopted
    }
}

fn successor(account: &Account, new: &KingdeeSettings, settings: &AccountSettings, same: bool) -> Keeper {
    let (suffixes, life, whose) =
        (new.router_suffixes.clone().into(), new.token_max_life, new.identity(settings));
    let keeper = account.keeper.load();
    keeper.successor(
        |source| source.successor(settings.authorization.clone(), suffixes, life, &whose),
        new.token_refresh_percent,
        new.transport.call_timeout,
        same,
    )
}

/// Whether anything differs that a keeper rests on. A new secret of the app is such a thing, too: a keeper that rests
/// after it was refused with the old one must try at once.
fn needs_another_keeper(
    old: &KingdeeSettings,
    before: Option<&AccountSettings>,
    new: &KingdeeSettings,
    settings: &AccountSettings,
) -> bool {
    let times = |s: &KingdeeSettings| (s.token_refresh_percent, s.token_max_life, s.transport.call_timeout);
    times(old) != times(new)
        || old.router_suffixes != new.router_suffixes
        || old.space_encoding != new.space_encoding
        || old.client_secret.expose_secret() != new.client_secret.expose_secret()
        || before.is_none_or(|before| !before.authorization.has_the_secret_of(&settings.authorization))
}
