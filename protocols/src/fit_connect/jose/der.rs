//! The little of DER (X.690) that keys and self-signed certificates need: writing values, and reading numbers in order.

use super::jwk::JwkRefused;

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
/// `[0]`, constructed.
pub(super) const CONTEXT_0: u8 = 0xa0;

/// One value: tag, length, and the parts one after the other.
pub(super) fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut der = vec![tag];
    if length < 0x80 {
        der.push(length.to_le_bytes()[0]);
    } else {
        let bytes = length.to_be_bytes();
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        der.push(0x80 | (bytes.len() - zeros).to_le_bytes()[0]);
        der.extend_from_slice(&bytes[zeros..]);
    }
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

/// A non-negative number.
pub(super) fn integer(number: &[u8]) -> Vec<u8> {
    let number = &number[number.iter().take_while(|byte| **byte == 0).count()..];
    match number.first() {
        None => value(INTEGER, &[&[0]]),
        Some(first) if *first >= 0x80 => value(INTEGER, &[&[0], number]),
        Some(_) => value(INTEGER, &[number]),
    }
}

/// Reads values one after the other.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// The content of the next value, which must have this tag.
    pub(super) fn next(&mut self, tag: u8) -> Result<&'a [u8], JwkRefused> {
        self.take(tag).ok_or(JwkRefused::Unusable)
    }

    /// The next non-negative number without leading zeros.
    pub(super) fn number(&mut self) -> Result<&'a [u8], JwkRefused> {
        let content = self.next(INTEGER)?;
        Ok(&content[content.iter().take_while(|byte| **byte == 0).count()..])
    }

    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&found, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(b, _)| b.len() <= 4)?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        (found == tag).then_some(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let long = vec![0xff; 300];
        let der = value(SEQUENCE, &[&integer(&[0, 0, 5]), &integer(&long), &integer(&[])]);
        let mut outer = Reader(&der);
        let mut inner = Reader(outer.next(SEQUENCE).expect("a sequence"));
        assert_eq!(inner.number(), Ok(&[5][..]));
        assert_eq!(inner.number(), Ok(&long[..]));
        assert_eq!(inner.number(), Ok(&[][..]));
        assert!(inner.next(INTEGER).is_err());
    }
}
