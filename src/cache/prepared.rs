//! What the edge wrote for the pages of a chunk that are asked for most: it lives beside the rows and dies with them.
//!
//! Apart from the rows, a page says the same every time it is served while its chunk lives, save for its age. Writing
//! that anew (entity tag, `Link`, cursor, envelope) costs more than copying the rows does, so the first few pages asked
//! of a chunk keep what was written.

use std::ops::Range;
use std::sync::OnceLock;

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
    /// Where they lie in their chunk; of no use where they are of several.
    pub rows: Range<usize>,
}

impl PageTexts {
    /// The envelope in two.
    pub fn around_rows(&self) -> (&[u8], &[u8]) {
        self.envelope.split_at_checked(self.split).unwrap_or_default()
    }

    const fn none() -> PageTexts {
        const BLANK: HeaderValue = HeaderValue::from_static("");
        PageTexts { etag: BLANK, link: BLANK, envelope: Bytes::new(), split: 0, rows: 0..0 }
    }
}

/// Texts of the pages first asked for, one of each hash.
#[derive(Default)]
pub struct Prepared([OnceLock<(PageName, PageTexts)>; PAGES]);

/// Where a chunk keeps the texts of a page, for as long as it lives.
#[derive(Debug, Clone, Copy)]
pub struct TextsPlace(usize);

impl Prepared {
    /// Bytes that the texts of all pages own, and some more: two filters make `Link` as long as that.
    pub const BYTES: usize = PAGES * 512;

    /// Where the texts of a page are kept: written before, or now.
    ///
    /// # Errors
    /// The texts, written now, where another page has the place.
    pub fn keep(
        &self,
        page: PageName,
        write: impl FnOnce() -> PageTexts,
    ) -> Result<TextsPlace, Box<PageTexts>> {
        // Sizes in use (10, 20, 50, 100) and neighbouring pages fall into different places.
        let place = usize::from(page.size >> 1) + (page.start / u64::from(page.size.max(1))) as usize;
        let place = place % PAGES;
        let Some(slot) = self.0.get(place) else { return Err(write().into()) };
        let is_ours = |kept: &(PageName, PageTexts)| kept.0 == page;
        let kept = slot.get();
        if kept.is_some_and(is_ours) {
            return Ok(TextsPlace(place));
        }
        let texts = write();
        if kept.is_some() {
            return Err(texts.into());
        }
        match slot.set((page, texts)) {
            Ok(()) => Ok(TextsPlace(place)),
            Err(_) if slot.get().is_some_and(is_ours) => Ok(TextsPlace(place)), // somebody was faster
            Err(ours) => Err(ours.1.into()),
        }
    }

    /// What is kept there.
    pub fn at(&self, place: TextsPlace) -> &PageTexts {
        static NONE: PageTexts = PageTexts::none(); // no place is given before its texts are there
        self.0.get(place.0).and_then(OnceLock::get).map_or(&NONE, |kept| &kept.1)
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
        PageTexts { etag, link: HeaderValue::from_static(link), ..PageTexts::none() }
    }

    const FIRST: PageName = PageName { start: 0, size: 20, by_cursor: false };

    /// The link of a page, kept or not.
    fn link(prepared: &Prepared, page: PageName, written: &'static str) -> HeaderValue {
        match prepared.keep(page, || texts(written)) {
            Ok(place) => prepared.at(place).link.clone(),
            Err(texts) => texts.link,
        }
    }

    #[test]
    fn a_page_is_written_once_and_never_taken_for_another() {
        let prepared = Prepared::default();
        let others = [
            PageName { size: 10, ..FIRST },
            PageName { size: 24, ..FIRST },
            PageName { start: 20, ..FIRST },
            PageName { start: 40, ..FIRST },
            PageName { by_cursor: true, ..FIRST },
        ];
        for _ in 0..3 {
            assert_eq!(link(&prepared, FIRST, "first"), "first");
            for other in others {
                assert_eq!(link(&prepared, other, "other"), "other", "{other:?}");
            }
        }
        prepared.keep(FIRST, || unreachable!("written already")).unwrap();
    }

    #[test]
    fn of_two_pages_that_come_at_once_each_gets_its_own() {
        let prepared = Prepared::default();
        let other = PageName { start: 40, ..FIRST }; // the same place
        let both = || {
            assert_eq!(link(&prepared, other, "other"), "other");
            texts("first")
        };
        assert_eq!(prepared.keep(FIRST, both).unwrap_err().link, "first");
        assert_eq!(link(&prepared, other, "not again"), "other");
    }
}
