//! A page that is sent from where the cache has it.

use std::sync::Arc;

use crate::cache::{PageTexts, Stored, TextsPlace};

/// A page of one chunk, rows and texts where the cache has them.
#[derive(Debug, Clone)]
pub struct KeptPage {
    stored: Arc<Stored>,
    texts: TextsPlace,
}

impl KeptPage {
    pub(super) fn of(stored: Arc<Stored>, texts: TextsPlace) -> KeptPage {
        KeptPage { stored, texts }
    }

    /// The rows as JSON, comma-separated.
    pub fn rows(&self) -> &[u8] {
        self.stored.chunk.slice(self.texts().rows.clone())
    }

    /// What was written for it.
    pub fn texts(&self) -> &PageTexts {
        self.stored.prepared.at(self.texts)
    }
}

#[cfg(test)]
impl KeptPage {
    /// `{"n":1},{"n":2}` in an envelope.
    pub(crate) fn of_two_rows_in(before: &str, after: &str) -> KeptPage {
        use http::HeaderValue;
        use jiff::{Timestamp, tz::Offset};

        use crate::cache::PageName;
        use crate::domain::freshness::FreshnessClass;
        use crate::domain::ledger::{Chunk, ChunkParts};
        use crate::domain::points::LocalTime;

        let bytes = [&[8, 0, 0, 0, 16, 0, 0, 0][..], br#"{"n":1},{"n":2},"#].concat();
        let chunk = Chunk::from_parts(ChunkParts { bytes: &bytes, places: 2, count: 2, member_name: "null" });
        let read_at =
            (Default::default(), LocalTime { timestamp: Timestamp::UNIX_EPOCH, offset: Offset::UTC });
        let fresh_for = std::time::Duration::from_secs(30);
        let stored = Stored::new(chunk.unwrap(), FreshnessClass::Open, fresh_for, read_at, 0, 0);
        let texts = || PageTexts {
            etag: HeaderValue::from_static("W/\"1\""),
            link: HeaderValue::from_static(""),
            envelope: format!("{before}{after}").into(),
            split: before.len(),
            rows: stored.chunk.place_of(0..2),
        };
        let name = PageName { start: 0, size: 20, by_cursor: false };
        let place = stored.prepared.keep(name, texts).unwrap();
        KeptPage::of(Arc::new(stored), place)
    }
}
