//! The answer of `kingdee_auth_token` (`protocol.md` §2).

use http::HeaderValue;
use serde::Deserialize;

use super::envelope::open;
use super::list::object;
use super::scalar::{Scalar, filled, scalar, whole};
use crate::kingdee::classify::Asked;
use crate::kingdee::failure::{Failure, KingdeeError};
use crate::kingdee::reply::Reply;

/// Longest token accepted, in bytes; what a header can carry anywhere.
const LONGEST_TOKEN: usize = 7 * 1024;

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default, deserialize_with = "scalar", rename = "app-token")]
    app_token: Scalar<'a>,
    #[serde(borrow, default, deserialize_with = "scalar")]
    expires: Scalar<'a>,
}

/// A token as sent, with what was said about its life.
pub struct TokenAnswer {
    /// Ready to be sent, marked so that no log prints it.
    pub token: HeaderValue,
    /// `expires`, in whatever unit, if it was a number above zero.
    pub expires: Option<u64>,
}

impl std::fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenAnswer").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Reads a token answer.
///
/// # Errors
/// Kingdee's refusal in its class, or [`Failure::Unreadable`] where there is no token that a header could carry.
pub fn read_token(reply: &Reply, known: &[&str]) -> Result<TokenAnswer, KingdeeError> {
    let unreadable = |what: &str| KingdeeError::because(Failure::Unreadable, what);
    let data: Data<'_> = open(reply, Asked::Token, known)?
        .and_then(object)
        .ok_or_else(|| unreadable("the token answer has no data of the known shape"))?;
    let text = filled(&data.app_token).ok_or_else(|| unreadable("the token answer has no app-token"))?;
    let mut token = HeaderValue::from_str(text)
        .ok()
        .filter(|_| text.len() <= LONGEST_TOKEN && text.bytes().all(|b| b.is_ascii_graphic()))
        .ok_or_else(|| unreadable("the app-token can't be sent as a header"))?;
    token.set_sensitive(true);
    Ok(TokenAnswer { token, expires: filled(&data.expires).and_then(whole).filter(|n| *n > 0) })
}
