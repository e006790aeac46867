//! From one configuration to the next while serving: what has changed, and what of that waits for a restart.

use super::Config;
use super::draft::{AccountDraft, Draft};
use super::effective::Effective;
use super::keys::{Entry, Taken, account_entries, account_entry, entries, entry};
use super::slot::{Named, Slot, named};
use crate::domain::account::AccountName;
use crate::kingdee::settings::{AccountSettings, KingdeeSettings};
use crate::telemetry::settings::TraceSettings;

/// Keys whose value is another one now, by name alone, in the order of the table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Taken over.
    pub applied: Vec<String>,
    /// Waiting for a restart; the old value stays in force. An account set that is new or gone is one name.
    pub needs_restart: Vec<String>,
}

impl Config {
    /// What comes into force when this configuration is in force and `new` is read: `new`, but for what waits for a
    /// restart.
    ///
    /// Account sets are those of this configuration, in its order: one that is new waits, one that is gone stays.
    #[must_use]
    pub fn changed_to(&self, new: &Config) -> (Config, Changes) {
        let (mut changes, mut effective) = (Changes::default(), Vec::new());
        for key in self.keys_with(new) {
            let (before, after) = (self.line(&key), new.line(&key));
            let waits = self.waits(&key, new);
            effective.extend(if waits { before } else { after }.cloned());
            let same = match (before, after) {
                (Some(before), Some(after)) => before.says_the_same(after),
                (before, after) => before.is_none() && after.is_none(),
            };
            if !same {
                let (list, name) = match waits {
                    true => (&mut changes.needs_restart, self.name(&key, new)),
                    false => (&mut changes.applied, key),
                };
                if list.last() != Some(&name) {
                    list.push(name);
                }
            }
        }
        (Config { effective, ..self.keeping(new) }, changes)
    }

    /// `new` with everything of this configuration that can't change while serving.
    fn keeping(&self, new: &Config) -> Config {
        let mut draft = Draft::of(new);
        keep(entries(), &mut Draft::of(self), &mut draft);
        let accounts = self.kingdee.accounts.iter().map(|old| {
            let new = new.kingdee.accounts.iter().find(|new| new.name == old.name);
            new.map_or_else(|| old.clone(), |new| keeping(old, new))
        });
        let kingdee = KingdeeSettings { accounts: accounts.collect(), ..draft.kingdee };
        let Draft { http, cache, history, shared, log, .. } = draft;
        let service_name = draft.trace_service_name.unwrap_or_default();
        let trace = TraceSettings { service_name, ..draft.trace };
        Config { http, cache, history, kingdee, shared, log, trace, effective: Vec::new() }
    }

    fn keys_with(&self, new: &Config) -> Vec<String> {
        let only_new = new.effective.iter().filter(|line| self.line(&line.key).is_none());
        self.effective.iter().chain(only_new).map(|line| line.key.clone()).collect()
    }

    fn line(&self, key: &str) -> Option<&Effective> {
        self.effective.iter().find(|line| line.key == key)
    }

    fn waits(&self, key: &str, new: &Config) -> bool {
        match named(key) {
            Named::Value(Slot { account: None, row }) => {
                entry(row).is_none_or(|row| row.taken == Taken::AtStart)
            }
            Named::Value(Slot { account: Some(account), row }) => {
                let in_both = self.has(&account) && new.has(&account);
                !in_both || account_entry(row).is_none_or(|row| row.taken == Taken::AtStart)
            }
            _ => true,
        }
    }

    /// What to call a key that waits.
    fn name(&self, key: &str, new: &Config) -> String {
        match named(key) {
            Named::Value(Slot { account: Some(account), .. })
                if !(self.has(&account) && new.has(&account)) =>
            {
                format!("accounts.{account}")
            }
            _ => key.to_owned(),
        }
    }

    fn has(&self, account: &AccountName) -> bool {
        self.kingdee.accounts.iter().any(|there| there.name == *account)
    }
}

fn keeping(old: &AccountSettings, new: &AccountSettings) -> AccountSettings {
    let mut draft = AccountDraft::of(new);
    keep(account_entries(), &mut AccountDraft::of(old), &mut draft);
    draft.settings(&new.name).unwrap_or_else(|| new.clone())
}

/// Copies the fields of rows that are read at the start only.
fn keep<D: 'static>(rows: impl Iterator<Item = &'static Entry<D>>, old: &mut D, new: &mut D) {
    for row in rows.filter(|row| row.taken == Taken::AtStart) {
        row.field.copy(old, new);
    }
}

#[cfg(test)]
mod tests {
    use super::super::combine::ORDERED;
    use super::*;

    #[test]
    fn no_rule_joins_a_key_that_waits_with_one_that_does_not() {
        for (small, large, _) in ORDERED {
            let taken = |key| entry(key).map(|row| row.taken);
            assert_eq!(
                taken(small),
                taken(large),
                "{small} and {large}: a mixture of both could break the rule"
            );
        }
    }
}
