//! Behaviour over real HTTP: the gateway in front of the sandbox, one file a behaviour.

// A harness may stop where production code may not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod leaks;
mod support;
mod wire;
mod process;
mod load;
mod collector;

mod architecture;
mod documents;
mod edge;
mod framing;
mod smuggling;
mod drain;
mod http2;
mod hostile;
mod exhaustion;
mod openapi;
mod pages;
mod outcomes;
mod paging;
mod problems;
mod coalescing;
mod fleet;
mod shared_tier;
mod shared_tls;
mod slow_tier;
mod balanced;
mod fleet_credentials;
mod fleet_attacks;
mod rehearsal;
mod recovery;
mod freshness;
mod cursors;
mod purge;
mod reload;
mod reload_process;
mod reload_fleet;
mod conditional;
mod scrape;
mod metrics;
mod metric_list;
mod promql;
mod dashboard;
mod alerts;
mod traces;
mod trace_export;
mod lines;
mod canaries;
mod status;
mod moka_facts;
mod upstream_calls;
mod resilience;
mod command_line;
mod doctor;
mod health;
mod manifests;
mod contents;
mod browser;
mod fuzz_corpus;
