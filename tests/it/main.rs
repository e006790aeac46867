//! One integration-test binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
