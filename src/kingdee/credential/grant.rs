//! A grant: what an account set's owner gave this app, written in the configuration or pulled from the platform.

use secrecy::{ExposeSecret as _, SecretString};

use crate::kingdee::failure::{Failure, KingdeeError};
use crate::kingdee::router::RouterDomain;
use crate::kingdee::wire::AuthorizationRow;

/// App key, app secret and router domain of one account set.
#[derive(Clone)]
pub struct Grant {
    /// `app_key`
    pub app_key: String,
    /// Key of `app_signature`.
    pub app_secret: SecretString,
    /// Checked.
    pub router: RouterDomain,
    /// Counts pulls, so that of two grants the later one can be told; 0 for one from the configuration.
    pub serial: u64,
}

impl Grant {
    /// A grant whose router domain passes the suffix list.
    ///
    /// # Errors
    /// [`Failure::Configuration`], without quoting the domain.
    pub fn new(
        app_key: &str,
        app_secret: &SecretString,
        domain: &str,
        suffixes: &[String],
    ) -> Result<Grant, KingdeeError> {
        let router = RouterDomain::parse(domain, suffixes)
            .map_err(|fault| KingdeeError::because(Failure::Configuration, fault.to_string()))?;
        Ok(Grant { app_key: app_key.to_owned(), app_secret: app_secret.clone(), router, serial: 0 })
    }

    /// Whether calls made under it go another way than under `other`.
    pub fn leads_elsewhere(&self, other: &Grant) -> bool {
        self.router != other.router || self.app_key != other.app_key
    }

    /// Whether a token is bought alike with both.
    pub fn buys_as(&self, other: &Grant) -> bool {
        let secrets = (self.app_secret.expose_secret(), other.app_secret.expose_secret());
        self.app_key == other.app_key && secrets.0 == secrets.1
    }

    /// Chooses among pulled authorisations: valid, of the wanted account set, the newest secret of it.
    ///
    /// # Errors
    /// [`Failure::Configuration`] where none fits, or where several account sets do and none is named. The text
    /// counts them and quotes nothing.
    pub fn choose(
        rows: &[AuthorizationRow],
        account_id: Option<&str>,
        suffixes: &[String],
    ) -> Result<Grant, KingdeeError> {
        let refuse = |why: String| KingdeeError::because(Failure::Configuration, why);
        let wanted = |row: &&AuthorizationRow| {
            row.valid && account_id.is_none_or(|wanted| row.account_id.as_deref() == Some(wanted))
        };
        let fitting: Vec<&AuthorizationRow> = rows.iter().filter(wanted).collect();
        let Some(first) = fitting.first() else {
            return Err(refuse(format!(
                "none of {} authorisations is valid and of the wanted account set; check account_id and whether \
                 the instance has expired",
                rows.len()
            )));
        };
        if fitting.iter().any(|row| row.account_id != first.account_id) {
            return Err(refuse(format!(
                "{} authorisations are valid; name the wanted account set with account_id",
                fitting.len()
            )));
        }
        // Times of one format sort as text once they are of one length.
        let newest = fitting.iter().max_by_key(|row| (row.updated.len(), &row.updated)).unwrap_or(first);
        Grant::new(&newest.app_key, &newest.app_secret, &newest.domain, suffixes)
    }
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grant").field("app_key", &"…").field("app_secret", &"…").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str, account: Option<&str>, valid: bool, updated: &str) -> AuthorizationRow {
        AuthorizationRow {
            app_key: key.into(),
            app_secret: "canary-secret".into(),
            domain: "https://tf.jdy.com".into(),
            account_id: account.map(str::to_owned),
            valid,
            updated: updated.into(),
        }
    }

    fn choose(rows: &[AuthorizationRow], account: Option<&str>) -> Result<String, KingdeeError> {
        Grant::choose(rows, account, &["jdy.com".to_owned()]).map(|grant| grant.app_key)
    }

    #[test]
    fn the_valid_authorisation_of_the_wanted_account_set_is_chosen() {
        let rows =
            [row("a", Some("1"), false, ""), row("b", Some("1"), true, ""), row("c", Some("2"), true, "")];
        assert_eq!(choose(&rows, Some("1")).unwrap(), "b");
        assert_eq!(choose(&rows, Some("2")).unwrap(), "c");
        assert_eq!(choose(&rows[..2], None).unwrap(), "b");
    }

    #[test]
    fn the_newest_secret_of_one_account_set_wins() {
        let rows = [
            row("old", Some("1"), true, "1767000000000"),
            row("new", Some("1"), true, "1767000000001"),
            row("older", Some("1"), true, "999"),
        ];
        assert_eq!(choose(&rows, Some("1")).unwrap(), "new");
    }

    #[test]
    fn what_cannot_be_chosen_is_a_configuration_fault_that_names_nobody() {
        let rows = [row("canary-a", Some("canary-1"), true, ""), row("canary-b", Some("canary-2"), true, "")];
        for (rows, account) in [(&rows[..], None), (&rows[..], Some("3")), (&[], None)] {
            let error = choose(rows, account).unwrap_err();
            assert_eq!(error.failure, Failure::Configuration);
            assert!(error.detail.contains("account_id") && !error.detail.contains("canary"), "{error}");
        }
        let inwards = AuthorizationRow { domain: "https://canary.internal".into(), ..rows[0].clone() };
        let error = choose(&[inwards], None).unwrap_err();
        assert!(error.detail.contains("router_suffixes") && !error.detail.contains("canary"), "{error}");
    }
}
