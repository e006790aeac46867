//! points-gateway: one service between a retailer's apps and Kingdee's points ledger.
//!
//! Rooms in the order in which a request walks them:
//!
//! - [`app`] wires everything together, serves, drains.
//! - [`doctor`] looks at a real account before anything is served.
//! - [`config`] turns strings into checked settings and names every fault at once.
//! - [`http`] parses into domain words and renders JSON, headers and problems.
//! - [`history`] holds the use cases: cache first, Kingdee otherwise.
//! - [`cache`] knows what is here, how fresh it is and who fetches it.
//! - [`kingdee`] speaks the platform's protocol: lane, credential, sign, transport, wire.
//! - [`shared`] is the way to the tier that replicas share, if there is one.
//! - [`domain`] has the words that all of them share.
//! - [`clock`] and [`telemetry`] are the floor.
//! - [`sandbox`] stands in for Kingdee and shares nothing with the rooms above but the floor.

pub mod app;
pub mod doctor;
pub mod config;
pub mod http;
pub mod history;
pub mod cache;
pub mod kingdee;
pub mod shared;
pub mod domain;
pub mod clock;
pub mod telemetry;
pub mod sandbox;
