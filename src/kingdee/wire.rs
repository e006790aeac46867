//! The tolerant reading of Kingdee's answers (`protocol.md` §6): wide about shapes, strict about meaning.
//!
//! Numbers may be text and text may be numbers; but an amount, a time or a member that can't be read refuses the
//! whole answer, since a value that silently vanishes would look like the truth.

pub mod scalar;
pub mod list;
pub mod envelope;
pub mod time;
pub mod ledger;
pub mod token;
pub mod authorization;

pub use authorization::{AuthorizationRow, read_authorizations};
pub use ledger::read_ledger;
pub use token::{TokenAnswer, read_token};

#[cfg(test)]
mod shapes;
#[cfg(test)]
mod mutations;
