//! points-gateway: one signed call to Kingdee becomes many pages that apps can use.
//!
//! The rooms, in the order in which a request walks through them; imports run downwards only:
//!
//! - [`app`]: the one place where rooms are wired together; serve; drain.
//! - [`config`]: strings become typed, checked settings; every fault at once; the sole reader of the environment.
//! - [`http`]: what apps meet: parse into domain words, render JSON, headers and problems.
//! - [`history`]: the use cases: cache first, Kingdee otherwise.
//! - [`cache`]: is it here, how fresh is it, who fetches it.
//! - [`kingdee`]: everything that speaks the protocol: lane, credential, sign, transport, wire.
//! - [`domain`]: the words that every room shares: member, query, ledger, freshness.
//! - [`telemetry`]: logs and metrics, what the people who run this can see.
//! - [`clock`]: the floor everybody stands on: time and nonces, real or settable.
//!
//! Beside the house stands [`sandbox`], a stand-in for Kingdee that checks as strictly as the platform and knows
//! none of our rooms.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod app;
pub mod config;
pub mod http;
pub mod history;
pub mod cache;
pub mod kingdee;
pub mod domain;
pub mod telemetry;
pub mod clock;
pub mod sandbox;
