//! A body that is there as a whole: bytes that were made for one answer, or a page whose rows stay where the cache has them.

use std::io::IoSlice;
use std::ops::Range;

use bytes::{Buf, Bytes};

use crate::history::KeptPage;

/// Body of an answer that is there as a whole.
#[derive(Debug)]
pub enum Whole {
    /// Bytes of its own.
    Bytes(Bytes),
    /// A page.
    Page(PageBytes),
}

/// A page in its envelope, or a run of its bytes: what stands before the rows, the rows, what stands behind them.
#[derive(Debug)]
pub struct PageBytes {
    page: KeptPage,
    run: Range<usize>,
}

impl PageBytes {
    /// All of it.
    pub fn new(page: KeptPage) -> PageBytes {
        let len = PageBytes::pieces(&page).map(<[u8]>::len).iter().sum();
        PageBytes { page, run: 0..len }
    }

    fn pieces(page: &KeptPage) -> [&[u8]; 3] {
        let (before, after) = page.texts().around_rows();
        [before, page.rows(), after]
    }

    /// The run, piece by piece; none is empty.
    fn run(&self) -> impl Iterator<Item = &[u8]> {
        let Range { mut start, mut end } = self.run;
        PageBytes::pieces(&self.page).into_iter().filter_map(move |piece| {
            let here = start.min(piece.len())..end.min(piece.len());
            (start, end) = (start - here.start, end - here.end);
            piece.get(here).filter(|bytes| !bytes.is_empty())
        })
    }
}

impl Buf for PageBytes {
    fn remaining(&self) -> usize {
        self.run.len()
    }

    fn chunk(&self) -> &[u8] {
        self.run().next().unwrap_or_default()
    }

    fn chunks_vectored<'a>(&'a self, to: &mut [IoSlice<'a>]) -> usize {
        to.iter_mut().zip(self.run()).map(|(slot, piece)| *slot = IoSlice::new(piece)).count()
    }

    fn advance(&mut self, by: usize) {
        self.run.start = self.run.start.saturating_add(by).min(self.run.end);
    }
}

impl PageBytes {
    /// The first `most` bytes, and the rest if there is one.
    fn portion(mut self, most: usize) -> (PageBytes, Option<PageBytes>) {
        if self.run.len() <= most {
            return (self, None);
        }
        let cut = self.run.start + most;
        let rest = PageBytes { page: self.page.clone(), run: cut..self.run.end };
        self.run.end = cut;
        (self, Some(rest))
    }
}

impl Buf for Whole {
    fn remaining(&self) -> usize {
        match self {
            Whole::Bytes(bytes) => bytes.len(),
            Whole::Page(page) => page.remaining(),
        }
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Whole::Bytes(bytes) => bytes,
            Whole::Page(page) => page.chunk(),
        }
    }

    fn chunks_vectored<'a>(&'a self, to: &mut [IoSlice<'a>]) -> usize {
        match self {
            Whole::Bytes(bytes) => bytes.chunks_vectored(to),
            Whole::Page(page) => page.chunks_vectored(to),
        }
    }

    fn advance(&mut self, by: usize) {
        match self {
            Whole::Bytes(bytes) => bytes.advance(by),
            Whole::Page(page) => page.advance(by),
        }
    }
}

impl Whole {
    /// The first `most` bytes, and the rest if there is one.
    pub(super) fn portion(self, most: usize) -> (Whole, Option<Whole>) {
        match self {
            Whole::Bytes(mut bytes) if bytes.len() > most => {
                (Whole::Bytes(bytes.split_to(most)), Some(Whole::Bytes(bytes)))
            }
            Whole::Bytes(_) => (self, None),
            Whole::Page(page) => {
                let (portion, rest) = page.portion(most);
                (Whole::Page(portion), rest.map(Whole::Page))
            }
        }
    }
}

impl Default for Whole {
    fn default() -> Self {
        Whole::Bytes(Bytes::new())
    }
}

impl From<Bytes> for Whole {
    fn from(bytes: Bytes) -> Whole {
        Whole::Bytes(bytes)
    }
}

impl From<Whole> for axum::body::Body {
    fn from(mut whole: Whole) -> axum::body::Body {
        whole.copy_to_bytes(whole.remaining()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = br#"{"entries":[{"n":1},{"n":2}],"total":2}"#;

    fn page() -> PageBytes {
        PageBytes::new(KeptPage::of_two_rows_in(r#"{"entries":["#, r#"],"total":2}"#))
    }

    fn in_pieces(page: &PageBytes) -> Vec<u8> {
        let mut pieces = [IoSlice::new(&[]); 4];
        let count = page.chunks_vectored(&mut pieces);
        assert!(pieces[..count].iter().all(|piece| !piece.is_empty()));
        pieces.iter().flat_map(|piece| piece.to_vec()).collect()
    }

    #[test]
    fn a_page_reads_the_same_from_any_place_on_in_one_go_or_in_pieces() {
        for gone in 0..=WHOLE.len() {
            let mut page = page();
            page.advance(gone);
            assert_eq!(page.remaining(), WHOLE.len() - gone);
            assert_eq!(in_pieces(&page), &WHOLE[gone..]);
            assert_eq!(page.chunk().is_empty(), gone == WHOLE.len());
            assert_eq!(page.copy_to_bytes(page.remaining()), &WHOLE[gone..]);
        }
    }

    #[test]
    fn portions_of_a_page_put_together_are_the_page() {
        for most in 1..=WHOLE.len() + 1 {
            let (mut got, mut rest) = (Vec::new(), Some(Whole::Page(page())));
            while let Some(left) = rest.take() {
                let (mut portion, more) = left.portion(most);
                assert!((1..=most).contains(&portion.remaining()));
                got.extend_from_slice(&portion.copy_to_bytes(portion.remaining()));
                rest = more;
            }
            assert_eq!(got, WHOLE, "{most}");
        }
    }
}
