//! points-gateway: one signed call to Kingdee becomes many pages that apps can use.
//!
//! The rooms, in the order in which a request walks through them:
//!
//! - [`clock`]: the floor everybody stands on: time and nonces, real or settable.
//! - [`domain`]: the words that every room shares: member, query, ledger, freshness.
//! - [`kingdee`]: everything that speaks the protocol: lane, credential, sign, transport, wire.
//! - [`sandbox`]: a stand-in for Kingdee, which checks as strictly as the platform and knows none of our rooms.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod clock;
pub mod domain;
pub mod kingdee;
pub mod sandbox;
