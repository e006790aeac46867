//! The credential chain (`protocol.md` §2, §3): app key, app secret and router domain, and the token that they buy.
//!
//! One versioned set per account set. Callers take the set that is there; it is renewed early, once, behind them.

pub mod grant;
pub mod life;
pub mod set;
pub mod guard;
pub mod source;
pub mod once;
pub mod fleet;
pub mod sharing;
pub mod keeper;

pub use keeper::Keeper;
pub use set::{CredentialSet, Refused, TokenTimes};
pub use source::Source;

#[cfg(test)]
mod tests;
