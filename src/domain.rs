//! The words that every room above shares: parsed once, valid afterwards; no I/O, no framework.
//!
//! In reading order: who is asked about ([`account`], [`member`]), what is asked ([`query`]), what a ledger
//! holds ([`points`], [`ledger`]), how long it may be believed ([`freshness`]).

pub mod account;
pub mod freshness;
pub mod ledger;
pub mod member;
pub mod points;
pub mod query;
