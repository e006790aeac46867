//! Behaviour over real HTTP: the gateway in front of the sandbox, one file a behaviour.

// A harness may stop where production code may not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

mod architecture;
mod documents;
mod edge;
mod openapi;
mod pages;
mod paging;
mod problems;
mod coalescing;
mod freshness;
mod cursors;
mod purge;
mod conditional;
mod moka_facts;
mod upstream_calls;
mod resilience;
mod command_line;
mod browser;
