//! Numbers as hex digits, without the formatting machinery: ids and hashes are written for every hit.

/// Sixteen digits, with leading zeros.
pub(crate) fn hex_digits(number: u64) -> [u8; 16] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|i| HEX[(number >> (60 - 4 * i)) as usize & 15])
}

/// The number that lower-case digits spell; none if there are others among them, or more than fit.
pub(crate) fn from_hex(digits: &[u8]) -> Option<u128> {
    if digits.len() > 32 {
        return None;
    }
    digits.iter().try_fold(0u128, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_numbers_lead_to_each_other() {
        assert_eq!(&hex_digits(0x0123_4567_89ab_cdef), b"0123456789abcdef");
        assert_eq!(from_hex(b"0123456789abcdef"), Some(0x0123_4567_89ab_cdef));
        assert_eq!(from_hex(&[b'f'; 32]), Some(u128::MAX));
        assert_eq!((from_hex(&[b'f'; 33]), from_hex(b"AB"), from_hex(b"-1")), (None, None, None));
    }
}
