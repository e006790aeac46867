//! Feeds `points_gateway_fuzz::config`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: points_gateway_fuzz::prepare(), |data: &[u8]| points_gateway_fuzz::config(data));
