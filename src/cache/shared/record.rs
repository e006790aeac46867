//! What one chunk looks like in the shared tier, before it is sealed: a line of JSON about it, then its bytes,
//! deflated where that pays.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};

use super::Generation;
use crate::cache::stored::Stored;
use crate::domain::freshness::FreshnessClass;
use crate::domain::ledger::{Chunk, ChunkParts};

/// Bytes of rows that a record may claim to hold.
const MOST_BYTES: usize = 64 << 20;
/// Shorter ones are not worth the work.
const WORTH_DEFLATING: usize = 1 << 10;

/// A chunk as it was found.
#[derive(Debug)]
pub struct Found {
    /// The rows.
    pub chunk: Chunk,
    /// Which fresh time applies.
    pub class: FreshnessClass,
    /// Time since they were read from Kingdee.
    pub age: Duration,
    /// Names the read: two replicas that have rows of one read have the same.
    pub origin: u64,
    /// The member's generation when the read began.
    pub generation: Generation,
}

#[derive(Serialize, Deserialize)]
struct Header {
    origin: u64,
    generation: String,
    class: Class,
    /// Milliseconds since the read when it was put there, and for how many it is kept from then on.
    age: u64,
    keep: u64,
    count: u32,
    places: u32,
    /// JSON text.
    name: String,
    len: usize,
    deflated: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Class {
    Open,
    Settled,
    Empty,
}

/// Writes a record.
pub fn write(stored: &Stored, generation: &Generation, age: Duration, keep: Duration) -> Option<Vec<u8>> {
    let parts = stored.chunk.parts();
    let deflated = deflate(parts.bytes).filter(|small| small.len() < parts.bytes.len() / 10 * 9);
    let header = Header {
        origin: stored.origin,
        generation: generation.0.clone(),
        class: match stored.class {
            FreshnessClass::Open => Class::Open,
            FreshnessClass::Settled => Class::Settled,
            FreshnessClass::Empty => Class::Empty,
        },
        age: u64::try_from(age.as_millis()).ok()?,
        keep: u64::try_from(keep.as_millis()).ok()?,
        count: parts.count,
        places: parts.places,
        name: parts.member_name.to_owned(),
        len: parts.bytes.len(),
        deflated: deflated.is_some(),
    };
    let mut record = serde_json::to_vec(&header).ok()?;
    record.push(b'\n');
    record.extend_from_slice(deflated.as_deref().unwrap_or(parts.bytes));
    Some(record)
}

/// Reads a record that still has `left` to live; `None` if it makes no sense.
pub fn read(record: &[u8], left: Duration) -> Option<Found> {
    let end = record.iter().position(|byte| *byte == b'\n')?;
    let header: Header = serde_json::from_slice(record.get(..end)?).ok()?;
    let body = record.get(end + 1..)?;
    let bytes = match header.deflated {
        true => inflate(body, header.len)?,
        false => body.to_vec(),
    };
    let chunk = Chunk::from_parts(ChunkParts {
        bytes: &bytes,
        places: header.places,
        count: header.count,
        member_name: &header.name,
    })?;
    let lain = Duration::from_millis(header.keep).saturating_sub(left);
    Some(Found {
        chunk,
        class: match header.class {
            Class::Open => FreshnessClass::Open,
            Class::Settled => FreshnessClass::Settled,
            Class::Empty => FreshnessClass::Empty,
        },
        age: Duration::from_millis(header.age) + lain,
        origin: header.origin,
        generation: Generation(header.generation),
    })
}

fn deflate(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < WORTH_DEFLATING {
        return None;
    }
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

fn inflate(body: &[u8], len: usize) -> Option<Vec<u8>> {
    if len > MOST_BYTES {
        return None;
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(len).ok()?.checked_add(1)?;
    DeflateDecoder::new(body).take(most).read_to_end(&mut bytes).ok()?;
    (bytes.len() == len).then_some(bytes)
}
