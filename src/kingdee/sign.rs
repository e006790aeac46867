//! X-Api-Signature (`protocol.md` §1): wire query → string to sign → signature → headers. Pure, stage by stage.
//!
//! The string to sign is derived from the exact bytes that go on the wire, never from the parameters a second
//! time: only a mixture of the two encodings is known to be refused (§1.4), and this way none can arise.

pub mod query;
pub mod string;
pub mod signature;
pub mod headers;
pub mod cli;

pub use cli::cli;
pub use headers::SignedRequest;
pub use query::WireQuery;
pub use signature::{Signature, app_signature};
pub use string::{Stamp, StringToSign};

#[cfg(test)]
mod vectors;
#[cfg(test)]
mod properties;
