//! What the edge wrote for the pages of a chunk that are asked for most: it lives beside the rows and dies with them.
//!
//! Apart from the rows, a page says the same every time it is served while its chunk lives, save for its age. Writing
//! that anew (entity tag, `Link`, cursor, envelope) costs more than copying the rows does, so the last few pages asked
//! of a chunk keep what was written.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::HeaderValue;

/// Pages that a chunk keeps texts for. Apps ask for the first page in one size or two.
const PAGES: usize = 2;

/// A page of a chunk's selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageName {
    /// Place of its first row in the whole selection.
    pub start: u64,
    /// Rows of a full page.
    pub size: u8,
    /// Whether a cursor led here; such a page has no number.
    pub by_cursor: bool,
}

/// Everything about a page that needs writing, but for its rows and its age.
#[derive(Debug)]
pub struct PageTexts {
    /// `ETag`
    pub etag: HeaderValue,
    /// `Link`
    pub link: HeaderValue,
    /// The body before the first row, and after the last.
    pub envelope: Bytes,
    /// Where the rows go.
    pub split: usize,
}

/// Texts of the pages last asked for, one of each hash.
#[derive(Default)]
pub struct Prepared([ArcSwapOption<(PageName, PageTexts)>; PAGES]);

impl Prepared {
    /// Bytes that the texts of all pages take, and some more: two filters make `Link` as long as that.
    pub const BYTES: usize = PAGES * 640;

    /// The texts of a page: kept from the last time, or written now.
    pub fn texts(&self, page: PageName, write: impl FnOnce() -> PageTexts) -> Arc<(PageName, PageTexts)> {
        // Sizes in use (10, 20, 50, 100) and neighbouring pages fall into different places.
        let place = usize::from(page.size >> 1) + (page.start / u64::from(page.size.max(1))) as usize;
        let Some(slot) = self.0.get(place % PAGES) else { return Arc::new((page, write())) };
        if let Some(kept) = slot.load_full()
            && kept.0 == page
        {
            return kept;
        }
        let written = Arc::new((page, write()));
        slot.store(Some(Arc::clone(&written)));
        written
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prepared")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(link: &'static str) -> PageTexts {
        let etag = HeaderValue::from_static("W/\"1\"");
        PageTexts { etag, link: HeaderValue::from_static(link), envelope: Bytes::new(), split: 0 }
    }

    #[test]
    fn a_page_is_written_once_and_never_taken_for_another() {
        let prepared = Prepared::default();
        let first = PageName { start: 0, size: 20, by_cursor: false };
        prepared.texts(first, || texts("first"));
        let others = [
            PageName { size: 10, ..first },
            PageName { size: 24, ..first },
            PageName { start: 20, ..first },
            PageName { start: 40, ..first },
            PageName { by_cursor: true, ..first },
        ];
        for _ in 0..3 {
            assert_eq!(prepared.texts(first, || texts("first")).1.link, "first");
            for other in others {
                assert_eq!(prepared.texts(other, || texts("other")).1.link, "other", "{other:?}");
            }
        }
        prepared.texts(first, || texts("first"));
        assert_eq!(prepared.texts(first, || unreachable!("written already")).1.link, "first");
    }
}
