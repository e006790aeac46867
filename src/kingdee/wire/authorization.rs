//! The answer of `push_app_authorize`: a list of authorisations, several account sets and old ones among them.

use secrecy::SecretString;
use serde::Deserialize;

use super::envelope::open;
use super::list::{Elements, object};
use super::scalar::{Scalar, filled, scalar};
use crate::kingdee::classify::Asked;
use crate::kingdee::failure::{Failure, KingdeeError};
use crate::kingdee::reply::Reply;

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow, default, deserialize_with = "scalar", rename = "appKey")]
    app_key: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar", rename = "appSecret")]
    app_secret: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    domain: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar", rename = "accountId")]
    account_id: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    status: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar", rename = "secretUpdateTime")]
    secret_update_time: Scalar<'a>,
}

/// One authorisation, not yet chosen and not yet checked.
#[derive(Clone)]
pub struct AuthorizationRow {
    /// `appKey`
    pub app_key: String,
    /// `appSecret`
    pub app_secret: SecretString,
    /// `domain`, unchecked
    pub domain: String,
    /// `accountId`
    pub account_id: Option<String>,
    /// `status` is 1, or not sent.
    pub valid: bool,
    /// `secretUpdateTime` as sent; only ever compared.
    pub updated: String,
}

impl std::fmt::Debug for AuthorizationRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthorizationRow").field("valid", &self.valid).finish_non_exhaustive()
    }
}

/// Reads the authorisations that are complete: app key, app secret and domain. `data` may be one object too.
///
/// # Errors
/// Kingdee's refusal in its class, or [`Failure::Unreadable`].
pub fn read_authorizations(reply: &Reply, known: &[&str]) -> Result<Vec<AuthorizationRow>, KingdeeError> {
    let unreadable = || KingdeeError::because(Failure::Unreadable, "an authorisation has no known shape");
    let Some(data) = open(reply, Asked::Authorization, known)? else { return Ok(Vec::new()) };
    let elements = match data.get().starts_with('[') {
        true => serde_json::from_str::<Elements<'_>>(data.get()).map_err(|_| unreadable())?.0,
        false => vec![data],
    };
    let mut complete = Vec::with_capacity(elements.len());
    for element in elements {
        let row: Row<'_> = object(element).ok_or_else(unreadable)?;
        let text = |value: &Scalar<'_>| filled(value).map(str::to_owned);
        if let (Some(app_key), Some(app_secret), Some(domain)) =
            (text(&row.app_key), text(&row.app_secret), text(&row.domain))
        {
            complete.push(AuthorizationRow {
                app_key,
                app_secret: app_secret.into(),
                domain,
                account_id: text(&row.account_id),
                valid: filled(&row.status).is_none_or(|status| status == "1"),
                updated: text(&row.secret_update_time).unwrap_or_default(),
            });
        }
    }
    Ok(complete)
}
