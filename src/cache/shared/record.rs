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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::Offset;
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Tick;
    use crate::domain::points::LocalTime;

    const KEEP: Duration = Duration::from_secs(100);

    fn stored(rows: &[String]) -> Stored {
        let mut bytes = Vec::new();
        let mut end = 0u32;
        for row in rows {
            end += u32::try_from(row.len()).unwrap() + 1;
            bytes.extend_from_slice(&end.to_le_bytes());
        }
        rows.iter().for_each(|row| bytes.extend_from_slice(format!("{row},").as_bytes()));
        let places = u32::try_from(rows.len()).unwrap();
        let parts = ChunkParts { bytes: &bytes, places, count: places, member_name: "\"王小满\"" };
        let read_at = (Tick::default(), LocalTime { timestamp: Timestamp::UNIX_EPOCH, offset: Offset::UTC });
        let chunk = Chunk::from_parts(parts).unwrap();
        Stored::new(chunk, FreshnessClass::Open, KEEP, read_at, 0, 7)
    }

    fn written(rows: &[String]) -> Vec<u8> {
        write(&stored(rows), &Generation("e/3".into()), Duration::from_secs(2), KEEP).unwrap()
    }

    #[test]
    fn long_rows_are_deflated_and_come_back_with_their_age() {
        let rows: Vec<_> =
            (0..100).map(|n| format!(r#"{{"id":"{n}","points":{n},"balance":100}}"#)).collect();
        let record = written(&rows);
        assert!(record.len() < stored(&rows).chunk.parts().bytes.len() / 3, "{}", record.len());
        let found = read(&record, Duration::from_secs(90)).unwrap();
        assert_eq!(found.chunk.content(), stored(&rows).chunk.content());
        assert_eq!(found.chunk.json(0..100), stored(&rows).chunk.json(0..100));
        assert_eq!((found.age, found.origin), (Duration::from_secs(12), 7));
        assert_eq!(found.generation, Generation("e/3".into()));
    }

    #[test]
    fn a_record_that_claims_to_be_larger_than_it_is_costs_no_memory() {
        let record = written(&vec!["{\"id\":\"1\"}".repeat(50); 20]);
        let end = record.iter().position(|byte| *byte == b'\n').unwrap();
        let header = String::from_utf8(record[..end].to_vec()).unwrap();
        let len = header.split("\"len\":").nth(1).unwrap().split(',').next().unwrap();
        for claim in ["18446744073709551615", "68719476736", "1"] {
            let mut bent =
                header.replace(&format!("\"len\":{len}"), &format!("\"len\":{claim}")).into_bytes();
            bent.extend_from_slice(&record[end..]);
            assert!(read(&bent, KEEP).is_none(), "{claim}");
        }
    }

    proptest! {
        #[test]
        fn any_rows_come_back_and_no_bent_record_breaks_anything(
            rows in prop::collection::vec("\\{[a-z0-9]{0,40}\\}", 0..120),
            at in any::<prop::sample::Index>(),
            flip in 1u8..,
        ) {
            let mut record = written(&rows);
            let found = read(&record, KEEP).unwrap();
            let before = stored(&rows);
            prop_assert_eq!(found.chunk.json(0..200), before.chunk.json(0..200));
            let at = at.index(record.len());
            record[at] ^= flip;
            if let Some(bent) = read(&record, KEEP) {
                for place in 0..bent.chunk.places() {
                    let _any_slice = bent.chunk.json(place..bent.chunk.places());
                    let _any_anchor = bent.chunk.anchor_at(place);
                }
            }
        }
    }
}
